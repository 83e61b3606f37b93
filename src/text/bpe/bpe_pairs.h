// Which pairs of tokens merge, into what and in which order: a flat table by open addressing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sys/huge_pages.h"
#include "text/bpe/bpe_concatenations.h"
#include "text/pieces/hash_filter.h"

namespace tidemill {

class BpePairs {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFFu;
  static constexpr int kIdBits = 21;
  static constexpr int kMergeBits = 22;

  struct Rule {
    uint32_t left, right;  // ids, of kIdBits
    uint32_t rank;         // the lowest is merged first; not kNone
    uint32_t id;           // of what they become
  };

  // Of two rules for one pair the last counts.  At most 2^kMergeBits - 1 rules.
  explicit BpePairs(std::span<const Rule> rules);
  // Of pairs that are not listed, by the ranks of what they become: BpeConcatenations.
  BpePairs(const TokenIndex& index, std::span<const uint64_t> hashes, std::span<const uint32_t> ranks);

  // The number of the pair's merge; kNone when it is not merged.  Lower numbers have lower ranks, or equal ones.
  uint32_t find(uint32_t left, uint32_t right) const {
    if (concatenations_) return concatenations_->find(left, right);
    const uint64_t key = uint64_t{left} << kIdBits | right;
    const uint64_t hashed = hash(key);
    if (!filter_.may_hold(hashed)) return kNone;
    for (uint64_t k = hashed >> shift_;; k = (k + 1) & mask_) {
      const uint64_t slot = slots_[k];
      if (slot >> kMergeBits == key) return static_cast<uint32_t>(slot & kMergeMask);
      if (slot == kEmpty) return kNone;
    }
  }
  // What the pairs of that merge become.
  uint32_t id(uint32_t merge) const { return ids_[merge]; }
  // Numbers are as good as ranks when no two merges share a rank.
  bool has_ties() const { return !ranks_.empty(); }
  uint32_t rank(uint32_t merge) const { return ranks_.empty() ? merge : ranks_[merge]; }

 private:
  static constexpr uint64_t kMergeMask = (uint64_t{1} << kMergeBits) - 1;
  static constexpr uint64_t kEmpty = ~uint64_t{0};

  // Multiplicative (Knuth 6.4) with the golden ratio; the upper half of the key is folded in first, since the product's
  // upper bits depend on it too little.
  static uint64_t hash(uint64_t key) { return (key ^ key >> 19) * 0x9E3779B97F4A7C15u; }
  void insert(const Rule& rule, uint64_t merge);

  std::unique_ptr<const BpeConcatenations> concatenations_;  // in place of slots_
  HashFilter filter_;
  HugeVector<uint64_t> slots_;  // the pair's ids and its merge; a power of two, at most half full
  uint64_t mask_ = 0;
  int shift_ = 0;
  std::vector<uint32_t> ids_;    // by merge
  std::vector<uint32_t> ranks_;  // by merge; empty when all differ
};

}  // namespace tidemill
