// A dictionary of letter sequences that is walked letter by letter: which of its keys begin here?
//
// Nodes are numbered breadth first, so the children of one lie together, ordered by their letters, and those of the
// next node follow them.  Unlike the double array of pieces/byte_trie.h it is made in one pass and holds any number of
// keys.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace tidemill {

// Immutable; any number of threads may read it.
class LetterTrie {
 public:
  struct Entry {
    std::span<const uint32_t> key;  // not empty
    uint32_t value;
  };
  using Node = uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr uint32_t kNone = UINT32_MAX;

  // `entries`: ascending by their keys, no two equal.  Letters are below `n_letters`.
  LetterTrie(std::span<const Entry> entries, uint32_t n_letters);

  // Goes from `node` to its child by `letter`; false, with `node` unchanged, when there is none.
  bool step(Node& node, uint32_t letter) const {
    if (node == kRoot) {
      if (first_letters_[letter] == kNone) return false;
      node = first_letters_[letter];
      return true;
    }
    Node from = nodes_[node].first_child, to = nodes_[node + 1].first_child;
    while (to - from > kFew) {
      const Node middle = from + (to - from) / 2;
      (nodes_[middle].letter <= letter ? from : to) = middle;
    }
    for (; from < to; ++from) {
      if (nodes_[from].letter != letter) continue;
      node = from;
      return true;
    }
    return false;
  }
  // The value of the key that ends at `node`; kNone when none does.
  uint32_t value(Node node) const { return nodes_[node].value; }

 private:
  static constexpr uint32_t kFew = 8;  // children that are tried one by one

  struct Place {
    Node first_child;
    uint32_t letter;
    uint32_t value;
  };
  std::vector<Place> nodes_;  // and one more, which says where the last one's children end
  std::vector<Node> first_letters_;
};

}  // namespace tidemill
