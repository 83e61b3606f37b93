// A fork-join thread pool for kernels: wakes in microseconds, costs nothing while idle.
//
// Workers spin briefly after a job and then park on a futex, so that a decode step (hundreds of forks a token) finds
// them hot and an idle process uses no processor.  A job is cut into many small pieces that threads take from one
// counter: a thread that loses its core costs the others one piece, not the whole join.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace tidemill {

class ThreadPool {
 public:
  // `n_threads` counts the caller of `parallel_for`, so 1 starts no thread.  Throws invalid_argument below 1 or above
  // 1024, io when the system refuses a thread.
  explicit ThreadPool(int n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int n_threads() const { return n_threads_; }

  // Calls `body(begin, end, thread)` over [0, n) in pieces of at most `grain` indices, from this and the other
  // threads, and returns when all are done.  `thread` is in [0, n_threads()), for per-thread scratch; the caller is 0.
  // `grain` is above 0.  One caller at a time, and not from inside a body: throws internal.  An exception thrown by a
  // body is rethrown here after the join (the first one wins; pieces that nobody began are dropped).  Allocates
  // nothing.
  template <typename Body>
  void parallel_for(int64_t n, int64_t grain, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    run(
        n, grain,
        [](void* context, int64_t begin, int64_t end, int thread) {
          (*static_cast<Plain*>(context))(begin, end, thread);
        },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  using Piece = void (*)(void* context, int64_t begin, int64_t end, int thread);
  void run(int64_t n, int64_t grain, Piece piece, void* context);

  struct Impl;
  int n_threads_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemill
