#include "runtime/page_pool.h"

#include <algorithm>

namespace tidemill {
namespace {

// That the system is asked for at once: as much as there is already, for a short text shall not take much, and a long
// one comes by huge pages.
constexpr int64_t kFirstBlockBytes = int64_t{2} << 20, kMostBlockBytes = int64_t{16} << 20, kMostPages = 64;

}  // namespace

PagePool::Page PagePool::take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) grow();
  Slot* const slot = free_.back();
  free_.pop_back();
  ++n_takes_;
  if (std::exchange(slot->was_used, true)) ++n_reuses_;
  return Page(slot);
}

int64_t PagePool::taken_bytes() const {
  const std::lock_guard lock(mutex_);
  return std::ssize(slots_) * page_bytes_;
}

void PagePool::grow() {
  const int64_t n_bytes = std::clamp(std::ssize(slots_) * page_bytes_, kFirstBlockBytes, kMostBlockBytes);
  const int64_t n_pages = std::clamp<int64_t>(n_bytes / page_bytes_, 1, kMostPages);
  const Storage& block = blocks_.emplace_back(n_pages * page_bytes_);
  free_.reserve(slots_.size() + static_cast<size_t>(n_pages));  // giving back must not throw
  for (int64_t page = n_pages - 1; page >= 0; --page) {
    slots_.push_back(std::unique_ptr<Slot>(new Slot{.data = block.data() + page * page_bytes_, .pool = this}));
    free_.push_back(slots_.back().get());
  }
}

int64_t PagePool::n_used() const {
  const std::lock_guard lock(mutex_);
  return std::ssize(slots_) - std::ssize(free_);
}

PagePool::Counts PagePool::counts() const {
  const std::lock_guard lock(mutex_);
  const auto is_shared = [](const auto& slot) { return slot->n_users > 1; };
  return {.n_used = std::ssize(slots_) - std::ssize(free_),
          .n_shared = std::count_if(slots_.begin(), slots_.end(), is_shared),
          .n_free = std::ssize(free_),
          .n_takes = n_takes_,
          .n_reuses = n_reuses_};
}

void PagePool::give_back(Slot* slot) {
  const std::lock_guard lock(mutex_);
  free_.push_back(slot);
}

}  // namespace tidemill
