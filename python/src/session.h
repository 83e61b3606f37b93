// A session with its engine, for threads of Python that do not know of each other.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "python/src/arrays.h"
#include "tidemill/engine.h"

namespace tidemill::python {

class LockedSession {
 public:
  // Throws what Session throws.
  explicit LockedSession(const Engine& engine) : LockedSession(engine, Session(engine)) {}
  LockedSession(const Engine& engine, Session session) : engine_(engine), session_(std::move(session)) {}

  // The session for a piece of work, which ends with what is returned.  Throws invalid_argument while it is at another:
  // in another thread, or in the one that calls from within a function that it gave.
  class Work {
   public:
    explicit Work(LockedSession& of);
    ~Work() { of_.is_working_ = false; }
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;
    Session& session() const { return of_.session_; }

   private:
    LockedSession& of_;
  };

  // Appends ids; the scores after each, [ids, vocab_size].  Called with the GIL.  Ctrl-C ends it and raises; the ids of
  // the pieces before stay.
  FloatMatrix score(const std::vector<int32_t>& ids);

  const Engine& engine() const { return engine_; }

 private:
  const Engine engine_;
  std::atomic<bool> is_working_ = false;  // a mutex may not be tried by the thread that has it
  Session session_;
};

}  // namespace tidemill::python
