// Merging the symbols of one word.
//
// Short words are scanned for the lowest rank again and again, which is quadratic but stays in a few cache lines.  In
// long ones a priority queue holds the pairs, and a merge adds at most two: O(n log n) for n symbols whatever they are,
// with constant stack.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/bpe/bpe_pairs.h"

namespace tidemill {

// The merges of neighbouring bytes, for words that begin as bytes.
class BpeBytePairs {
 public:
  // `ids`: byte -> its token; empty where one has none.
  BpeBytePairs(std::span<const uint32_t> ids, const BpePairs& pairs);

  bool empty() const { return merges_.empty(); }
  uint32_t id(char byte) const { return ids_[static_cast<uint8_t>(byte)]; }
  uint32_t merge(char left, char right) const {
    return merges_[size_t{static_cast<uint8_t>(left)} << 8 | static_cast<uint8_t>(right)];
  }

 private:
  std::vector<uint32_t> ids_;
  std::vector<uint32_t> merges_;  // by both bytes
};

class BpeWord {
 public:
  struct Symbol {
    uint32_t id;
    uint32_t size;  // bytes of the text
  };
  // Where the queue begins to be quicker than the scan.
  static constexpr size_t kLongestShort = 48;

  void clear() { symbols_.clear(); }
  void add(uint32_t id, uint32_t size) { symbols_.push_back({id, size}); }
  void remove_last() { symbols_.pop_back(); }
  // Merges what was added.
  void merge(const BpePairs& pairs);
  // What tokens were made of where such a pair was last seen, merged or not: id -> left and right part.
  using Parts = std::unordered_map<uint32_t, std::pair<uint32_t, uint32_t>>;
  // The same, and adds to `parts` in the order in which SentencePiece looks at pairs.
  void merge(const BpePairs& pairs, Parts& parts);
  // Makes `word`, of at most kLongestShort bytes, the word and merges it; `pairs` has no ties.
  void merge_bytes(std::string_view word, const BpeBytePairs& bytes, const BpePairs& pairs);
  // What was added, or what merging left.
  std::span<const Symbol> symbols() const { return symbols_; }

 private:
  class Short;
  struct Link {
    uint32_t merge;           // with the next symbol
    uint32_t previous, next;  // kEnd at either end
  };

  void merge_short(const BpePairs& pairs);
  void merge_long(const BpePairs& pairs, Parts* parts);
  void link(const BpePairs& pairs, uint32_t left, Parts* parts);

  std::vector<Symbol> symbols_;
  std::vector<Link> links_;     // long words
  std::vector<uint64_t> heap_;  // rank in the upper half, left symbol in the lower
};

}  // namespace tidemill
