#include "sys/open_pool.h"

#include <unistd.h>

#include <string>

#include "tidemill/error.h"

namespace tidemill {

ThreadPool& lone_pool() {
  thread_local ThreadPool pool(1);
  return pool;
}

OpenPool::OpenPool(int n_threads) : n_threads_(n_threads) {
  if (n_threads < 1 || n_threads > 1024) {
    throw Error(ErrorCode::invalid_argument,
                "threads: " + std::to_string(n_threads) + " is out of range; give 1 to 1024, or 0 for all processors");
  }
}

OpenPool::~OpenPool() {
  // In a forked process there is nobody to join.
  if (pool_ != nullptr && process_ != getpid()) static_cast<void>(pool_.release());
}

OpenPool::Lease::Lease(OpenPool& open) : lock_(open.mutex_, std::try_to_lock), pool_(nullptr) {
  if (lock_.owns_lock()) {
    const pid_t process = getpid();
    if (open.pool_ == nullptr) {
      open.pool_ = std::make_unique<ThreadPool>(open.n_threads_);
      open.process_ = process;
    }
    if (open.process_ == process) {
      pool_ = open.pool_.get();
      return;
    }
    lock_.unlock();
  }
  pool_ = &lone_pool();
}

}  // namespace tidemill
