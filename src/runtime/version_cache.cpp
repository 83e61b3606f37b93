#include "runtime/version_cache.h"

#include <algorithm>

namespace tidemill {

void VersionCache::begin_pass(std::span<const uint64_t> numbers) {
  running_.assign(numbers.begin(), numbers.end());
}

std::shared_ptr<const WeightGroup> VersionCache::get(uint64_t number, size_t index, int64_t n_bytes, const Make& make) {
  const Key key{number, index};
  bool has_room = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found != entries_.end()) {
      ++counts_.n_hits;
      by_use_.splice(by_use_.begin(), by_use_, found->second.use);
      return found->second.group;
    }
    ++counts_.n_misses;
    has_room = make_room(n_bytes);  // before it is made: both together would be above the limit
  }
  auto group = std::make_shared<const WeightGroup>(make());
  const std::lock_guard lock(mutex_);
  if (!has_room || !make_room(group->n_bytes)) return group;
  by_use_.push_front(key);
  entries_.emplace(key, Entry{.group = group, .use = by_use_.begin()});
  counts_.n_bytes += group->n_bytes;
  return group;
}

// False when only the running fine-tunes have something that could go.
bool VersionCache::make_room(int64_t n_bytes) {
  if (n_bytes > max_bytes_) return false;
  while (counts_.n_bytes > max_bytes_ - n_bytes) {
    const auto last = std::find_if(by_use_.rbegin(), by_use_.rend(), [&](const Key& key) {
      return std::ranges::find(running_, key.first) == running_.end();
    });
    if (last == by_use_.rend()) return false;
    ++counts_.n_evictions;
    drop(entries_.find(*last));
  }
  return true;
}

void VersionCache::drop(std::map<Key, Entry>::iterator entry) {
  counts_.n_bytes -= entry->second.group->n_bytes;
  by_use_.erase(entry->second.use);
  entries_.erase(entry);
}

void VersionCache::forget(uint64_t number) {
  const std::lock_guard lock(mutex_);
  for (auto entry = entries_.lower_bound({number, 0}); entry != entries_.end() && entry->first.first == number;)
    drop(entry++);
}

VersionCache::Counts VersionCache::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.max_bytes = max_bytes_;
  return counts;
}

}  // namespace tidemill
