#include "tidemill/cache_computation.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "tidemill/error.h"

namespace tidemill {
namespace {

// Who waits for what.  One for the whole process, for circles go through several caches; waiting is slow anyway.
struct Waits {
  std::mutex mutex;
  std::map<std::thread::id, const CacheComputation*> of;
};

Waits& waits() {
  static auto* const all = new Waits;  // never destroyed: threads may wait while the process ends
  return *all;
}

constexpr double kMostSeconds = 1e6;  // std::chrono cannot count them all

}  // namespace

void CacheComputation::end(std::exception_ptr failure) {
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    failure_ = std::move(failure);
  }
  ended_.notify_all();
}

bool CacheComputation::has_ended() const {
  const std::lock_guard lock(mutex_);
  return has_ended_;
}

bool CacheComputation::wait_for(double seconds) {
  const std::thread::id self = std::this_thread::get_id();
  {
    const std::lock_guard lock(waits().mutex);
    for (const CacheComputation* at = this; at != nullptr && !at->has_ended();) {
      if (at->owner_ == self)
        throw Error(ErrorCode::invalid_argument,
                    "cache: computing this value asks for the value itself; compute it without");
      const auto next = waits().of.find(at->owner_);
      at = next == waits().of.end() ? nullptr : next->second;
    }
    waits().of[self] = this;
  }
  bool has_come = false;
  {
    std::unique_lock lock(mutex_);
    has_come = ended_.wait_for(lock, std::chrono::duration<double>(std::min(seconds, kMostSeconds)),
                               [&] { return has_ended_; });
  }
  const std::lock_guard lock(waits().mutex);
  waits().of.erase(self);
  return has_come;
}

void CacheComputation::check() const {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace tidemill
