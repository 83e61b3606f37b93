#include "text/bpe/bpe_pairs.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace tidemill {

BpePairs::BpePairs(std::span<const Rule> given) {
  std::vector<Rule> rules(given.begin(), given.end());
  const auto earlier = [](const Rule& a, const Rule& b) { return a.rank != b.rank ? a.rank < b.rank : a.id < b.id; };
  if (!std::is_sorted(rules.begin(), rules.end(), earlier)) std::stable_sort(rules.begin(), rules.end(), earlier);
  slots_.assign(std::bit_ceil(std::max<size_t>(rules.size(), 2) * 2), kEmpty);
  filter_ = HashFilter(rules.size());
  mask_ = slots_.size() - 1;
  shift_ = 64 - std::countr_zero(slots_.size());
  bool has_ties = false;
  std::vector<uint32_t> ranks;
  for (const Rule& rule : rules) {
    if (ids_.empty() || rule.rank != ranks.back() || rule.id != ids_.back()) {
      has_ties |= !ids_.empty() && rule.rank == ranks.back();
      ids_.push_back(rule.id);
      ranks.push_back(rule.rank);
    }
    insert(rule, ids_.size() - 1);
  }
  if (has_ties) ranks_ = std::move(ranks);
}

BpePairs::BpePairs(const TokenIndex& index, std::span<const uint64_t> hashes, std::span<const uint32_t> ranks) {
  auto concatenations = std::make_unique<BpeConcatenations>(index, hashes, ranks);
  ids_ = concatenations->take_ids();
  concatenations_ = std::move(concatenations);
  const auto same_rank = [&](uint32_t a, uint32_t b) { return ranks[a] == ranks[b]; };
  if (std::adjacent_find(ids_.begin(), ids_.end(), same_rank) == ids_.end()) return;
  for (const uint32_t id : ids_) ranks_.push_back(ranks[id]);
}

void BpePairs::insert(const Rule& rule, uint64_t merge) {
  const uint64_t key = uint64_t{rule.left} << kIdBits | rule.right;
  filter_.add(hash(key));
  uint64_t k = hash(key) >> shift_;
  while (slots_[k] != kEmpty && slots_[k] >> kMergeBits != key) k = (k + 1) & mask_;
  slots_[k] = key << kMergeBits | merge;
}

}  // namespace tidemill
