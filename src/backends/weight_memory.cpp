#include "backends/weight_memory.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace tidemill {
namespace {

constexpr int64_t kCacheLine = 64;

}  // namespace

std::byte* WeightMemory::take(int64_t size_bytes) {
  const int64_t size = (size_bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
  taken_ += size;
  // A large piece has a block of its own: it would leave much of one without use.
  if (size > block_bytes_ / 2) return blocks_.emplace_back(size).data();
  if (size > n_free_) {
    free_ = blocks_.emplace_back(block_bytes_).data();
    n_free_ = block_bytes_;
  }
  n_free_ -= size;
  return std::exchange(free_, free_ + size);
}

bool WeightMemory::owns(const void* data) const {
  return std::ranges::any_of(blocks_, [&](const Storage& block) {
    return std::less_equal<const void*>()(block.data(), data) &&
           std::less<const void*>()(data, block.data() + block.size_bytes());
  });
}

}  // namespace tidemill
