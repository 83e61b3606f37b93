// How often pairs of tokens are neighbours: a hash table of numbers by pair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "text/pieces/folded_product.h"

namespace tidemill {

// Two token ids as one number; ascending by the first, then by the second.
inline uint64_t pair_key(uint32_t left, uint32_t right) {
  return uint64_t{left} << 32 | right;
}
inline uint32_t left_of(uint64_t pair) {
  return static_cast<uint32_t>(pair >> 32);
}
inline uint32_t right_of(uint64_t pair) {
  return static_cast<uint32_t>(pair);
}

class PairCounts {
 public:
  // The count of `pair`, at first 0.  Valid until the next call that adds a pair beyond what was reserved.
  int64_t& operator[](uint64_t pair) {
    reserve(1);
    Slot& slot = find(pair);
    if (slot.pair == kFree) {
      slot.pair = pair;
      ++size_;
    }
    return slot.count;
  }

  // Makes room, so that the next `n_more` new pairs move nothing.
  void reserve(size_t n_more) {
    if ((size_ + n_more) * 3 <= slots_.size() * 2) return;
    size_t n_slots = slots_.size();
    while ((size_ + n_more) * 3 > n_slots * 2) n_slots *= 2;
    std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(n_slots));
    for (const Slot& slot : old) {
      if (slot.pair != kFree) find(slot.pair) = slot;
    }
  }

  // Calls `visit(pair, count)` for every pair, in no particular order.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.pair != kFree) visit(slot.pair, slot.count);
    }
  }

 private:
  static constexpr uint64_t kFree = std::numeric_limits<uint64_t>::max();
  struct Slot {
    uint64_t pair = kFree;
    int64_t count = 0;
  };

  // Where `pair` is, or the free slot where it belongs.
  Slot& find(uint64_t pair) {
    const size_t mask = slots_.size() - 1;
    size_t k = folded_product(pair ^ 0x2D358DCCAA6C78A5u, 0x8BB84B93962EACC9u) & mask;
    while (slots_[k].pair != pair && slots_[k].pair != kFree) k = (k + 1) & mask;
    return slots_[k];
  }

  std::vector<Slot> slots_ = std::vector<Slot>(1024);  // a power of two
  size_t size_ = 0;
};

}  // namespace tidemill
