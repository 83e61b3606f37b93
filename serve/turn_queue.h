// TurnQueue: the thread on which one encoder works.  Requests take turns by slices, so that a long one keeps no short
// one waiting.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace tidemill::serve {

class TurnQueue {
 public:
  // Does the next slice of a request; false when that was the last one.  Called on the queue's thread; throws nothing.
  using Step = std::function<bool()>;

  explicit TurnQueue(int64_t max_requests) : max_requests_(max_requests) {}
  // Drops what waits.
  ~TurnQueue();
  TurnQueue(const TurnQueue&) = delete;
  TurnQueue& operator=(const TurnQueue&) = delete;

  // Throws queue_full.
  void add(Step step);

 private:
  void run();

  int64_t max_requests_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Step> steps_;  // but for the one that runs
  int64_t n_requests_ = 0;
  bool is_ending_ = false;
  std::thread thread_{[this] { run(); }};  // the last member: it uses all others
};

}  // namespace tidemill::serve
