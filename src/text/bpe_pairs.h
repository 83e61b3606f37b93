// Which pairs of tokens merge, into what and in which order: a flat table by open addressing.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tidemill {

class BpePairs {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFFu;

  struct Rule {
    uint32_t left, right;  // ids
    uint32_t rank;         // the lowest is merged first; not kNone
    uint32_t id;           // of what they become
  };
  struct Merge {
    uint32_t rank = kNone;  // kNone: the pair is not merged
    uint32_t id = 0;
  };

  // Of two rules for one pair the last counts.
  explicit BpePairs(std::span<const Rule> rules);

  Merge find(uint32_t left, uint32_t right) const {
    const uint64_t key = uint64_t{left} << 32 | right;
    for (uint64_t k = hash(key) >> shift_;; k = (k + 1) & mask_) {
      if (slots_[k].key == key) return slots_[k].merge;
      if (slots_[k].key == kEmpty) return {};
    }
  }

 private:
  // Four to a cache line.
  struct Slot {
    uint64_t key;
    Merge merge;
  };
  static constexpr uint64_t kEmpty = ~uint64_t{0};

  // Multiplicative (Knuth 6.4) with the golden ratio; the upper half of the key is folded in first, since the product's
  // upper bits depend on it too little.
  static uint64_t hash(uint64_t key) { return (key ^ key >> 29) * 0x9E3779B97F4A7C15u; }

  std::vector<Slot> slots_;  // a power of two, at most half full
  uint64_t mask_;
  int shift_;
};

}  // namespace tidemill
