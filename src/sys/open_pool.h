// A ThreadPool that many callers share without waiting: who finds it taken works alone.
//
// For functions whose callers have threads of their own, which should not queue for one another: on a busy machine all
// processors have work already.  Results do not depend on who gets the pool, as those of kernels never do.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>

#include "sys/thread_pool.h"

namespace tidemill {

// A pool of one for this thread.
ThreadPool& lone_pool();

class OpenPool {
 public:
  // Threads start with the first lease.  Throws as ThreadPool does.
  explicit OpenPool(int n_threads);
  ~OpenPool();
  OpenPool(const OpenPool&) = delete;
  OpenPool& operator=(const OpenPool&) = delete;

  int n_threads() const { return n_threads_; }

  // The pool for the lifetime of this object, or the thread's own one where another caller has it, or where threads are
  // gone because the process was forked.
  class Lease {
   public:
    explicit Lease(OpenPool& open);
    bool is_shared() const { return lock_.owns_lock(); }
    ThreadPool& pool() const { return *pool_; }

   private:
    std::unique_lock<std::mutex> lock_;
    ThreadPool* pool_;
  };

  // Calls `body(begin, end)` over [0, n) in pieces of at most `grain`; a single piece never leaves this thread, and
  // `body` may use the lone pool.
  template <typename Body>
  void parallel_for(int64_t n, int64_t grain, Body&& body) {
    if (n <= 0) return;
    if (n <= grain) return body(int64_t{0}, n);
    const Lease lease(*this);
    if (lease.is_shared() && lease.pool().n_threads() > 1) {
      lease.pool().parallel_for(n, grain, [&](int64_t begin, int64_t end, int) { body(begin, end); });
    } else {
      for (int64_t begin = 0; begin < n; begin += grain) body(begin, std::min(n, begin + grain));
    }
  }

 private:
  int n_threads_;
  std::mutex mutex_;
  std::unique_ptr<ThreadPool> pool_;  // made and used under the mutex
  pid_t process_ = 0;                 // that has its threads
};

}  // namespace tidemill
