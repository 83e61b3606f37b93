#include "text/bpe/bpe_concatenations.h"

#include <algorithm>
#include <string_view>

namespace tidemill {

BpeConcatenations::BpeConcatenations(const TokenIndex& index, std::span<const uint64_t> hashes,
                                     std::span<const uint32_t> ranks)
    : index_(index),
      longest_(index.longest()),
      hash_(longest_),
      filter_(ranks.size()),
      tokens_(ranks.size()),
      answers_(size_t{1} << kAnswerBits) {
  ids_.reserve(ranks.size());
  for (uint32_t id = 0; id < ranks.size(); ++id) {
    const std::string_view text = index.strings()[static_cast<int32_t>(id)];
    if (ranks[id] == kNeverMerged || text.empty()) {
      tokens_[id] = {0, kTooLong, kNone};
      continue;
    }
    tokens_[id] = {hashes[id], static_cast<uint32_t>(text.size()), kNone};
    filter_.add(TokenIndex::mix(tokens_[id].hash));
    ids_.push_back(id);
  }
  const auto earlier = [&](uint32_t a, uint32_t b) { return ranks[a] < ranks[b]; };
  if (!std::is_sorted(ids_.begin(), ids_.end(), earlier)) std::stable_sort(ids_.begin(), ids_.end(), earlier);
  for (uint32_t merge = 0; merge < ids_.size(); ++merge) tokens_[ids_[merge]].merge = merge;
}

}  // namespace tidemill
