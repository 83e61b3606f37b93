// Byte-pair merging by scores, as SentencePiece does it: of all neighbours whose concatenation is a token, merge the
// pair with the highest score, the leftmost of equals, until none is left.
//
//   Sennrich et al. 2016, arXiv:1508.07909; Kudo and Richardson 2018, arXiv:1808.06226 (the score as priority).
//
// A priority queue holds the candidates, and a merged pair adds at most two: O(n log n) time for n characters whatever
// the text, with constant stack.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/pieces/token_table.h"

namespace tidemill {

class BpeMerger {
 public:
  // How a token takes part in merging.
  enum class Role : uint8_t {
    none,     // never found by merging
    piece,    // an ordinary token
    resplit,  // a step to other tokens; where it is left over it falls back into the two parts it was made of
  };
  struct Piece {
    uint32_t begin, end;  // bytes of the word
    int32_t id;           // -1: one character that is no token
  };
  // Working memory of `merge`, reused from word to word; one per thread.
  class Scratch;

  // `index` must outlive the merger.  `scores` and `roles` have one entry per token; no score is NaN.
  BpeMerger(const TokenIndex& index, std::span<const float> scores, std::span<const Role> roles);

  // Splits `word`, valid UTF-8 of less than 4 GiB, into pieces; the result lies in `scratch` until the next call.
  std::span<const Piece> merge(std::string_view word, Scratch& scratch) const;

 private:
  struct Symbol {
    uint64_t hash;
    uint32_t begin, size;  // bytes of the word; size 0: merged into the symbol before it
    uint32_t previous, next;
    int32_t id;
  };
  // A pair that may be merged.
  struct Candidate {
    uint64_t order;  // the order of the score in the upper half, the left symbol in the lower: the smallest comes first
    int32_t id;      // what the pair becomes
    uint32_t size;   // bytes of it; the pair has changed since when its size differs

    bool operator>(const Candidate& other) const { return order > other.order; }
  };

  void split_characters(std::string_view word, Scratch& scratch) const;
  void add_candidate(std::string_view word, uint32_t left, Scratch& scratch) const;
  void merge_candidates(std::string_view word, Scratch& scratch) const;
  void emit(std::string_view word, const Symbol& symbol, Scratch& scratch) const;
  int32_t find(std::string_view bytes, uint64_t hash) const;

  const TokenIndex& index_;
  JoinableHash hash_;
  std::vector<uint32_t> ranks_;  // order of a token's score, 0 the best; kNeverMerged for Role::none
  std::vector<bool> resplit_;    // empty when no token has that role
};

class BpeMerger::Scratch {
  friend class BpeMerger;
  std::vector<Symbol> symbols_;
  std::vector<Candidate> candidates_;  // a heap
  std::vector<Piece> pieces_;
  std::vector<Piece> unsplit_;                        // a stack
  std::unordered_map<int32_t, uint32_t> left_sizes_;  // of tokens to split again: bytes of the left part
};

}  // namespace tidemill
