// The tokens that Unigram finds in a text, to be walked byte by byte: a step reads the score that it leads to along
// with the way on, and no id, for most tokens that are found are not chosen.
//
// Scores here are whole numbers, so that the better of two ways is found without a branch; whoever needs them exactly
// looks them up by id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sys/huge_pages.h"
#include "text/pieces/byte_trie.h"

namespace tidemill {

// Immutable.
class UnigramTrie {
 public:
  using Node = ByteTrie::Node;
  static constexpr Node kRoot = ByteTrie::kRoot;
  // Nodes are below this.
  static constexpr int kNodeBits = 23;

  // A node in one word: the score in the upper half, the way on in the lower.
  using Place = uint64_t;
  static constexpr Place kScore = ~Place{0} << 32;
  // The score of so many tokens in a row is above -2^29, and that of a node where no token ends is -2^30.
  static constexpr size_t kMostTokens = 512;

  // `scores`: by the values of `tokens`; `largest_score`: of their absolute ones, and of others that are rounded.
  UnigramTrie(const ByteTrie& tokens, std::span<const double> scores, double largest_score);

  // Whole numbers for a score of 1; 0 when scores are too large for them, and all are 0 then.
  double scale() const { return scale_; }
  int32_t rounded(double score) const;

  // Goes from what `place` holds to the child by `byte`, and reads that; false, with both undefined, when there is
  // none.
  bool step(Node& node, Place& place, uint8_t byte) const {
    node = ByteTrie::child(static_cast<uint32_t>(place), byte);
    place = places_[node];
    return ByteTrie::is_child(static_cast<uint32_t>(place), byte);
  }
  Place root() const { return places_[kRoot]; }
  bool step(Node& node, uint8_t byte) const {
    Place place = places_[node];
    return step(node, place, byte);
  }
  // The id of the token that ends at `node`; -1 when none does.
  int32_t id(Node node) const { return ids_[node]; }

  // The id of the token `name`; -1 when it is not there.
  int32_t find(std::string_view name) const;

 private:
  double scale_;
  HugeVector<Place> places_;
  std::vector<int32_t> ids_;
};

}  // namespace tidemill
