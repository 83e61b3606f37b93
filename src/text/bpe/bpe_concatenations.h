// Pairs that merge because what they spell together is a token, as in SentencePiece and tiktoken: found when they are
// asked for, by the hash of both parts, so that loading need not cut every token in every place.  Answers are kept
// where the next asker finds them.
#pragma once

#include <atomic>
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
  // `hashes`: JoinableHash of each string.
  BpeConcatenations(const TokenIndex& index, std::span<const uint64_t> hashes, std::span<const uint32_t> ranks);

  static constexpr uint32_t kNone = 0xFFFFFFFFu;
  // The number of the merge that makes the two tokens one; kNone when they do not merge.  Lower numbers have lower
  // ranks, or equal ones.
  uint32_t find(uint32_t left, uint32_t right) const {
    const uint64_t pair = uint64_t{left} << kIdBits | right;
    std::atomic<uint64_t>& answer = answers_[pair * 0x9E3779B97F4A7C15u >> (64 - kAnswerBits)];
    const uint64_t known = ~answer.load(std::memory_order_relaxed);
    if (known >> kMergeBits == pair) return (known & kMergeMask) == kMergeMask ? kNone : known & kMergeMask;
    const uint32_t merge = look_up(left, right);
    answer.store(~(pair << kMergeBits | (merge & kMergeMask)), std::memory_order_relaxed);
    return merge;
  }

  // By the number of a merge: what it makes.  Leaves nothing behind.
  std::vector<uint32_t> take_ids() { return std::move(ids_); }

 private:
  static constexpr int kIdBits = 21, kMergeBits = 22;
  static constexpr uint64_t kMergeMask = (uint64_t{1} << kMergeBits) - 1;
  static constexpr int kAnswerBits = 17;  // 1 MiB

  uint32_t look_up(uint32_t left, uint32_t right) const {
    const Token& a = tokens_[left];
    const Token& b = tokens_[right];
    const size_t size = size_t{a.size} + b.size;
    if (size > longest_) return kNone;
    const uint64_t hash = TokenIndex::mix(hash_.join(a.hash, b.hash, b.size));
    if (!filter_.may_hold(hash)) return kNone;
    const int32_t id = index_.find_joined(static_cast<int32_t>(left), static_cast<int32_t>(right), hash);
    return id < 0 ? kNone : tokens_[static_cast<size_t>(id)].merge;
  }

  struct Token {
    uint64_t hash;   // JoinableHash
    uint32_t size;   // bytes; kTooLong for what never merges
    uint32_t merge;  // that makes it; kNone
  };
  static constexpr uint32_t kTooLong = 0xFFFFFFFFu;

  const TokenIndex& index_;
  size_t longest_;
  JoinableHash hash_;
  HashFilter filter_;           // of tokens that merging may make
  ZeroedVector<Token> tokens_;  // by id
  std::vector<uint32_t> ids_;
  // Pairs and their merges, by hash: all bits of a pair's ids and its merge inverted, so that zeros are no answer (but
  // for the last two of 2^21 ids, which a vocabulary of so many may look up in vain).
  mutable std::vector<std::atomic<uint64_t>> answers_;
};

}  // namespace tidemill
