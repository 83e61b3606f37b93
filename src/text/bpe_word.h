// Merging the symbols of one word.
//
// Short words are scanned for the lowest rank again and again, which is quadratic but stays in a few cache lines.  In
// long ones a priority queue holds the pairs, and a merge adds at most two: O(n log n) for n symbols whatever they are,
// with constant stack.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "text/bpe_pairs.h"

namespace tidemill {

class BpeWord {
 public:
  struct Symbol {
    uint32_t id;
    uint32_t size;  // bytes of the text
  };

  void clear() { symbols_.clear(); }
  void add(uint32_t id, uint32_t size) { symbols_.push_back({id, size}); }
  // Merges what was added.
  void merge(const BpePairs& pairs);
  // What was added, or what merging left.
  std::span<const Symbol> symbols() const { return symbols_; }

 private:
  struct Link {
    BpePairs::Merge merge;    // with the next symbol
    uint32_t previous, next;  // kEnd at either end
  };

  void merge_short(const BpePairs& pairs);
  void merge_long(const BpePairs& pairs);
  void link(const BpePairs& pairs, uint32_t left);

  std::vector<Symbol> symbols_;
  std::vector<BpePairs::Merge> merges_;  // short words: of each symbol with the next
  std::vector<Link> links_;              // long words
  std::vector<uint64_t> heap_;           // rank in the upper half, left symbol in the lower
};

}  // namespace tidemill
