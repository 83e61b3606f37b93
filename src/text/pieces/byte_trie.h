// A dictionary of byte strings that is walked byte by byte: which of its keys begin here?
//
// A double array (Aoe 1989, "An efficient digital search algorithm by using a double-array structure"): the children of
// a node lie at base ^ byte, no two nodes share a base, and so the byte alone says whether a slot is the child looked
// for.  One step is one load; what a node holds comes with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tidemill {

// Immutable; any number of threads may read it.
class ByteTrie {
 public:
  struct Entry {
    std::string_view key;  // not empty; any bytes
    int32_t value;         // at least 0
  };
  using Node = uint32_t;
  static constexpr Node kRoot = 0;

  // The empty dictionary.
  ByteTrie() : ByteTrie(std::vector<Entry>()) {}
  // Of equal keys the one with the greatest value counts.  Throws unsupported past some eight million nodes.
  explicit ByteTrie(std::vector<Entry> entries);

  // Goes from `node` to its child by `byte`; false, with `node` undefined, when there is none.
  bool step(Node& node, uint8_t byte) const {
    node = child(units_[node].link, byte);
    return is_child(units_[node].link, byte);
  }
  // What the key that ends at `node` has; -1 when none does.
  int32_t value(Node node) const { return units_[node].value; }

  // The value of `key`; -1 when it is not there.
  int32_t find(std::string_view key) const;
  struct Match {
    int32_t value;  // -1: none
    uint32_t end;   // where the match ends; undefined when there is none
  };
  // The longest key that goes on from `node` with bytes of text[pos, end).
  Match longest(std::string_view text, Node node, uint32_t pos, uint32_t end) const {
    Match best{-1, pos};
    while (pos < end && step(node, static_cast<uint8_t>(text[pos]))) {
      ++pos;
      if (value(node) >= 0) best = {value(node), pos};
    }
    return best;
  }
  // Walks down all of `bytes`; false when no key begins with them.
  bool walk(Node& node, std::string_view bytes) const;

  // For tables that keep more beside each node: nodes are below n_places(), and a step reads their links.
  size_t n_places() const { return units_.size(); }
  uint32_t link(Node node) const { return units_[node].link; }
  static Node child(uint32_t link, uint8_t byte) { return (link >> kLabelBits) ^ byte; }
  static bool is_child(uint32_t link, uint8_t byte) { return (link & kLabelMask) == byte; }

 private:
  class Builder;

  static constexpr uint32_t kLabelBits = 9;
  static constexpr uint32_t kLabelMask = (1u << kLabelBits) - 1;
  // Labels that no byte equals.
  static constexpr uint32_t kFree = 1u << 8;  // of an unused slot
  static constexpr uint32_t kRootLabel = kFree + 1;

  struct Unit {
    uint32_t link;  // base << 9 | label; base 0: no children
    int32_t value;
  };
  std::vector<Unit> units_;  // a multiple of 256
};

// Entries of a vocabulary: each token with its id.  Empty tokens, which stand for holes, are left out.
std::vector<ByteTrie::Entry> trie_entries(std::span<const std::string_view> tokens);

}  // namespace tidemill
