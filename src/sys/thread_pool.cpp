#include "sys/thread_pool.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tidemill/error.h"

namespace tidemill {

struct ThreadPool::Impl {
  std::mutex mutex;
  std::condition_variable changed;
  int64_t n = 0;
  int64_t grain = 1;
  int64_t next = 0;
  int n_busy = 0;
  bool stop = false;
  Piece piece = nullptr;
  void* context = nullptr;
  std::exception_ptr failure;
  std::vector<std::jthread> workers;

  void work(std::unique_lock<std::mutex>& lock, int thread) {
    while (next < n) {
      const int64_t begin = next;
      next += std::min(grain, n - begin);
      const int64_t end = next;
      ++n_busy;
      lock.unlock();
      std::exception_ptr thrown;
      try {
        piece(context, begin, end, thread);
      } catch (...) {
        thrown = std::current_exception();
      }
      lock.lock();
      --n_busy;
      if (thrown && !failure) {
        failure = thrown;
        next = n;
      }
    }
    if (n_busy == 0) changed.notify_all();
  }
};

ThreadPool::ThreadPool(int n_threads) : n_threads_(n_threads), impl_(std::make_unique<Impl>()) {
  if (n_threads < 1 || n_threads > 1024) {
    throw Error(ErrorCode::invalid_argument,
                "thread pool: " + std::to_string(n_threads) + " threads are out of range; give 1 to 1024");
  }
  for (int thread = 1; thread < n_threads; ++thread) {
    impl_->workers.emplace_back([impl = impl_.get(), thread] {
      std::unique_lock lock(impl->mutex);
      while (!impl->stop) {
        impl->work(lock, thread);
        impl->changed.wait(lock, [&] { return impl->stop || impl->next < impl->n; });
      }
    });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->changed.notify_all();
  impl_->workers.clear();
}

void ThreadPool::run(int64_t n, int64_t grain, Piece piece, void* context) {
  if (n <= 0) return;
  std::unique_lock lock(impl_->mutex);
  impl_->n = n;
  impl_->grain = grain;
  impl_->next = 0;
  impl_->piece = piece;
  impl_->context = context;
  impl_->changed.notify_all();
  impl_->work(lock, 0);
  impl_->changed.wait(lock, [&] { return impl_->n_busy == 0; });
  if (impl_->failure) std::rethrow_exception(std::exchange(impl_->failure, nullptr));
}

}  // namespace tidemill
