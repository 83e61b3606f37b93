// One request to a Service, with what it has written so far, for readers that wait in Python.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tidemill/service.h"

namespace tidemill::python {

struct Piece {
  int32_t id = 0;    // -1: of a text that was held back
  std::string text;  // whole characters; perhaps empty
  std::vector<TokenLogprob> logprobs = {};
};

// All functions may be called from any thread.
class TextStream {
 public:
  // Throws what Service::submit throws.
  TextStream(std::shared_ptr<Service> service, Submission submission);
  ~TextStream();
  TextStream(const TextStream&) = delete;
  TextStream& operator=(const TextStream&) = delete;

  // The pieces that are there; waits up to `seconds` for one or for the end.
  std::vector<Piece> take(double seconds);
  // Whether all pieces were taken and the request has ended.  Throws what ended it.
  bool has_ended() const;
  // Of a request that has ended; nothing before.
  std::optional<Result> result() const;
  // Ends the request before another of its tokens is computed.
  void cancel();

  // A descriptor that becomes readable when there is something to take; -1 where the system has none.
  int descriptor();

 private:
  struct Shared;
  std::shared_ptr<Service> service_;
  std::shared_ptr<Shared> shared_;
  uint64_t number_ = 0;
};

}  // namespace tidemill::python
