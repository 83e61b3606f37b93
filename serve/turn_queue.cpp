#include "serve/turn_queue.h"

#include <utility>

#include "tidemill/error.h"

namespace tidemill::serve {

TurnQueue::~TurnQueue() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void TurnQueue::add(Step step) {
  {
    const std::lock_guard lock(mutex_);
    if (n_requests_ >= max_requests_)
      throw Error(ErrorCode::queue_full, "the queue of this model is full; try again later");
    ++n_requests_;
    steps_.push_back(std::move(step));
  }
  changed_.notify_one();
}

void TurnQueue::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return is_ending_ || !steps_.empty(); });
    if (is_ending_) return;
    Step step = std::move(steps_.front());
    steps_.pop_front();
    lock.unlock();
    const bool goes_on = step();
    if (!goes_on) step = nullptr;  // what it holds may be large
    lock.lock();
    if (goes_on)
      steps_.push_back(std::move(step));
    else
      --n_requests_;
  }
}

}  // namespace tidemill::serve
