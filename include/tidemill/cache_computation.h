// CacheComputation: one value being computed by one thread while others wait for it.  A part of Cache.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace tidemill {

// All functions may be called from any thread.
class CacheComputation {
 public:
  // By the thread that computes.
  CacheComputation() : owner_(std::this_thread::get_id()) {}
  CacheComputation(const CacheComputation&) = delete;
  CacheComputation& operator=(const CacheComputation&) = delete;

  // Once: with the exception that ended it, or without one.
  void end(std::exception_ptr failure = {});
  bool has_ended() const;
  // Waits up to `seconds` for the end; returns whether it has come.  Throws invalid_argument when it would never come,
  // because what is computed waits, itself or through the computations of other threads, for this thread.
  bool wait_for(double seconds);
  // After the end: throws the exception that ended it.
  void check() const;

 private:
  const std::thread::id owner_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  bool has_ended_ = false;
  std::exception_ptr failure_;
};

}  // namespace tidemill
