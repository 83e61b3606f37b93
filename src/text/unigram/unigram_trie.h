// The tokens that Unigram finds in a text, to be walked character by character: a step reads the score that it leads to
// along with the way on, and no id, for most tokens that are found are not chosen.
//
// A double array (Aoe 1989, "An efficient digital search algorithm by using a double-array structure") over characters
// in place of bytes (Kanda et al. 2023, "Engineering faster double-array Aho-Corasick automata"): tokens have some
// thousand different ones, which get codes in their order.  The children of a node lie at base ^ code, those by letters
// of one script mostly in one or a few cache lines; no two nodes share a base, and so the code alone says whether a
// place is the child looked for.
//
// Scores here are whole numbers, so that the better of two ways is found without a branch; whoever needs them exactly
// looks them up by id.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sys/huge_pages.h"
#include "text/unicode/code_points.h"

namespace tidemill {

// Immutable.
class UnigramTrie {
 public:
  using Node = uint32_t;
  using Code = uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr Code kNoCode = 0;  // of a character that no token has

  // Nodes are below this.
  static constexpr int kNodeBits = 23;
  // The score of so many tokens in a row is above -2^29, and kNoToken is -2^30.
  static constexpr size_t kMostTokens = 512;
  static constexpr int64_t kUpper = -(int64_t{1} << 32);
  // In place of the score of a token, where none ends.
  static constexpr int64_t kNoToken = -(int64_t{1} << 62);

  struct Token {
    std::string_view name;  // not empty; valid UTF-8
    int32_t id;
  };
  // A node in one word: the base of its children, the score, and the code that leads to it.
  using Place = uint64_t;

  // Of equal names the greatest id counts.  `scores`: by ids; `largest_score`: of their absolute ones, and of others
  // that are rounded.  Throws unsupported past some eight million nodes or a million different characters.
  UnigramTrie(std::vector<Token> tokens, std::span<const double> scores, double largest_score);

  // Whole numbers for a score of 1; 0 when scores are too large for them, and all are 0 then.
  double scale() const { return scale_; }
  // Scores stand in the upper halves of words, by the bits of kUpper.
  int64_t rounded(double score) const { return rounded_to(score, 32); }
  // That of a place.
  static int64_t score(Place place) {
    const auto score = static_cast<int64_t>(place << kBaseBits);
    return score < kLeastScore ? kNoToken : score >> (kScoreShift + kBaseBits - 32) & kUpper;
  }

  Code code(char32_t c) const { return codes_[size_t{pages_[c / kPage]} * kPage + c % kPage]; }
  // That of the character at `pos`, which is moved behind it.
  Code next_code(std::string_view text, size_t& pos) const {
    const auto lead = static_cast<uint8_t>(text[pos]);
    if (lead >= 0x80) return code(next_code_point(text, pos));
    ++pos;
    return ascii_codes_[lead];
  }
  // Goes from what `place` holds to the child by `code`, and reads that; false, with both undefined, when there is
  // none.
  bool step(Node& node, Place& place, Code code) const {
    node = base(place) ^ code;
    place = places_[node];
    return label(place) == code;
  }
  Place root() const { return places_[kRoot]; }
  bool step(Node& node, Code code) const {
    Place place = places_[node];
    return step(node, place, code);
  }
  // The id of the token that ends at `node`; -1 when none does.
  int32_t id(Node node) const { return ids_[node]; }

  // The id of the token `name`, which may be any bytes; -1 when it is not there.
  int32_t find(std::string_view name) const;

 private:
  class Builder;

  // From the lowest bit on: the label, the score and the base.
  static constexpr int kLabelBits = 20;
  static constexpr int kScoreBits = 21;
  static constexpr int kBaseBits = kNodeBits;
  static constexpr int kScoreShift = kLabelBits;
  static constexpr int kBaseShift = kLabelBits + kScoreBits;
  static constexpr Code kFree = (1u << kLabelBits) - 1;  // the label of an unused place
  static constexpr int64_t kLeastScore = -(((int64_t{1} << (kScoreBits - 1)) - 1) << (kScoreShift + kBaseBits));

  static uint32_t base(Place place) { return static_cast<uint32_t>(place >> kBaseShift); }
  static Code label(Place place) { return static_cast<Code>(place & kFree); }

  int64_t rounded_to(double score, int shift) const;

  static constexpr size_t kPage = 256;
  static constexpr char32_t kCharacters = 0x110000;

  void make_codes(std::span<const Token> tokens);

  double scale_;
  size_t n_codes_ = 0;           // codes are below; those of ASCII are its own
  std::vector<uint16_t> pages_;  // of codes_, for each kPage characters; those without a code share the first
  std::vector<Code> codes_;
  std::array<Code, 128> ascii_codes_;
  HugeVector<Place> places_;
  std::vector<int32_t> ids_;
};

}  // namespace tidemill
