// Pairs that merge because what they spell together is a token, as in SentencePiece and tiktoken: found when they are
// asked for, by the hash of both parts, so that loading need not cut every token in every place.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "sys/huge_pages.h"
#include "text/pieces/hash_filter.h"
#include "text/pieces/token_table.h"

namespace tidemill {

class BpeConcatenations {
 public:
  // Has the ids and strings of `index`, which must outlive it.  `ranks`: per id, the lowest is merged first;
  // kNeverMerged for what merging neither takes nor makes.
  static constexpr uint32_t kNeverMerged = 0xFFFFFFFFu;
  BpeConcatenations(const TokenIndex& index, std::span<const uint32_t> ranks);

  static constexpr uint32_t kNone = 0xFFFFFFFFu;
  // The number of the merge that makes the two tokens one; kNone when they do not merge.  Lower numbers have lower
  // ranks, or equal ones.
  uint32_t find(uint32_t left, uint32_t right) const {
    const Token& a = tokens_[left];
    const Token& b = tokens_[right];
    const size_t size = size_t{a.size} + b.size;
    if (size > longest_) return kNone;
    const uint64_t hash = TokenIndex::mix(hash_.join(a.hash, b.hash, b.size));
    if (!filter_.may_hold(hash)) return kNone;
    const int32_t id = index_.find_joined(static_cast<int32_t>(left), static_cast<int32_t>(right), hash);
    return id < 0 ? kNone : tokens_[static_cast<size_t>(id)].merge;
  }

  // By the number of a merge: what it makes.  Leaves nothing behind.
  std::vector<uint32_t> take_ids() { return std::move(ids_); }

 private:
  struct Token {
    uint64_t hash;   // JoinableHash
    uint32_t size;   // bytes; kTooLong for what never merges
    uint32_t merge;  // that makes it; kNone
  };
  static constexpr uint32_t kTooLong = 0xFFFFFFFFu;

  const TokenIndex& index_;
  size_t longest_;
  JoinableHash hash_;
  HashFilter filter_;         // of tokens that merging may make
  HugeVector<Token> tokens_;  // by id
  std::vector<uint32_t> ids_;
};

}  // namespace tidemill
