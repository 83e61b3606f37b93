#include "text/bpe_pairs.h"

#include <algorithm>
#include <bit>

namespace tidemill {

BpePairs::BpePairs(std::span<const Rule> rules) {
  slots_.assign(std::bit_ceil(std::max<size_t>(rules.size(), 2) * 2), Slot{kEmpty, {}});
  mask_ = slots_.size() - 1;
  shift_ = 64 - std::countr_zero(slots_.size());
  for (const Rule& rule : rules) {
    const uint64_t key = uint64_t{rule.left} << 32 | rule.right;
    uint64_t k = hash(key) >> shift_;
    while (slots_[k].key != kEmpty && slots_[k].key != key) k = (k + 1) & mask_;
    slots_[k] = {key, {rule.rank, rule.id}};
  }
}

}  // namespace tidemill
