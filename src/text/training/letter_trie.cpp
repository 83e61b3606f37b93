#include "text/training/letter_trie.h"

namespace tidemill {

LetterTrie::LetterTrie(std::span<const Entry> entries, uint32_t n_letters) : first_letters_(n_letters, kNone) {
  // The entries [begin, end) begin with the letters that lead to the node.
  struct Range {
    uint32_t begin, end, depth;
  };
  std::vector<Range> ranges{{0, static_cast<uint32_t>(entries.size()), 0}};
  nodes_.push_back({0, 0, kNone});
  for (Node node = 0; node < ranges.size(); ++node) {
    auto [begin, end, depth] = ranges[node];
    nodes_[node].first_child = static_cast<Node>(nodes_.size());
    if (begin < end && entries[begin].key.size() == depth) nodes_[node].value = entries[begin++].value;
    while (begin < end) {
      const uint32_t letter = entries[begin].key[depth];
      const uint32_t first = begin;
      while (begin < end && entries[begin].key[depth] == letter) ++begin;
      if (node == kRoot) first_letters_[letter] = static_cast<Node>(nodes_.size());
      nodes_.push_back({0, letter, kNone});
      ranges.push_back({first, begin, depth + 1});
    }
  }
  nodes_.push_back({static_cast<Node>(nodes_.size()), 0, kNone});
}

}  // namespace tidemill
