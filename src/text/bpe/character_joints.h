// Which characters stand side by side in some token: between any others a text can be cut before BPE merges it, without
// changing the result.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/pieces/hash_filter.h"

namespace tidemill {

class CharacterJoints {
 public:
  // Whether two ASCII characters are looked up as others are, or taken to be side by side in some token.
  enum class Ascii : uint8_t { by_token, joined };

  // `tokens`: all that merging can make; bytes, which need not be whole characters.
  CharacterJoints(std::span<const std::string_view> tokens, Ascii ascii);

  // The first place behind `begin` where [begin, end) of the valid UTF-8 `text` can be cut; `end` when there is none.
  size_t next_cut(std::string_view text, size_t begin, size_t end) const;

  // A view for loops.
  class Pairs {
   public:
    // Whether two characters may stand side by side, each as its bytes in a number, the first the lowest; not for two
    // of ASCII.  A space beside U+2581 or another character is taken for U+2581, here and below.
    bool may_join(uint32_t left, uint32_t right) const { return filter_.may_hold(hash_pair(left, right)); }

   private:
    friend class CharacterJoints;
    explicit Pairs(HashFilter::View filter) : filter_(filter) {}
    HashFilter::View filter_;
  };
  Pairs pairs() const { return Pairs(pairs_.view()); }
  bool joins_ascii(char left, char right) const { return ascii_[ascii_place(left, right)]; }
  // No token begins or ends inside a character, so that these two say all.
  bool are_of_characters() const { return !any_parts_; }

 private:
  void add(std::string_view token);
  void add_pair(std::string_view left, std::string_view right);
  static uint64_t hash_pair(uint32_t left, uint32_t right) {
    return (uint64_t{left} << 32 | right) * 0x9E3779B97F4A7C15u;
  }
  static bool are_ascii(char left, char right) { return ((left | right) & 0x80) == 0; }
  static size_t ascii_place(char left, char right) {
    return static_cast<size_t>(left) << 7 | static_cast<size_t>(right);
  }
  static size_t place(char left, char right) {
    return size_t{static_cast<uint8_t>(left)} << 8 | static_cast<uint8_t>(right);
  }

  bool ascii_joined_;
  std::array<bool, size_t{1} << 14> ascii_;  // by ascii_place: ASCII characters side by side
  HashFilter pairs_;                         // of other whole characters
  // The last byte before and the first byte behind, of tokens that begin or end with a part of one of both characters.
  std::vector<bool> parts_;
  bool any_parts_ = false;
};

}  // namespace tidemill
