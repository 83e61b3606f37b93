// Which characters stand side by side in some token: between any others a text can be cut before BPE merges it, without
// changing the result.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/pieces/hash_filter.h"
#include "text/pieces/token_table.h"

namespace tidemill {

class CharacterJoints {
 public:
  // Whether two ASCII characters are looked up as others are, or taken to be side by side in some token.
  enum class Ascii : uint8_t { by_token, joined };

  // `tokens`: all that merging can make; bytes, which need not be whole characters.
  CharacterJoints(const TokenStrings& tokens, Ascii ascii);

  // The first place behind `begin` where [begin, end) of the valid UTF-8 `text` can be cut; `end` when there is none.
  size_t next_cut(std::string_view text, size_t begin, size_t end) const;

  // A view for loops.
  class Pairs {
   public:
    // Whether two characters may stand side by side, each as its bytes in a number, the first the lowest; not for two
    // of ASCII.  A space stands for U+2581, here and below, and U+2581 itself is not asked for.
    bool may_join(uint32_t left, uint32_t right) const { return filter_.may_hold(hash_pair(left, right)); }

   private:
    friend class CharacterJoints;
    explicit Pairs(HashFilter::View filter) : filter_(filter) {}
    HashFilter::View filter_;
  };
  Pairs pairs() const { return Pairs(tables_.pairs.view()); }
  bool joins_ascii(char left, char right) const { return tables_.ascii[ascii_place(left, right)] != 0; }
  // Whether some token has that byte before U+2581.
  bool joins_space(char left) const { return tables_.before_space[static_cast<uint8_t>(left)] != 0; }
  bool joins_spaces() const { return tables_.before_space != decltype(tables_.before_space){}; }
  // No token begins or ends inside a character, so that these two say all.
  bool are_of_characters() const { return !any_parts_; }

  // What the steps for each kind of processor write.
  struct Tables {
    std::array<uint8_t, size_t{1} << 14> ascii;  // by ascii_place: 1 for ASCII characters side by side
    std::array<uint8_t, 256> before_space;
    HashFilter pairs;  // of other whole characters
  };
  static uint64_t hash_pair(uint32_t left, uint32_t right) {
    return (uint64_t{left} << 32 | right) * 0x9E3779B97F4A7C15u;
  }
  static size_t ascii_place(char left, char right) {
    return static_cast<size_t>(left) << 7 | static_cast<size_t>(right);
  }

 private:
  void add(std::string_view token);
  void add_pair(uint32_t left, uint32_t right);
  static size_t place(char left, char right) {
    return size_t{static_cast<uint8_t>(left)} << 8 | static_cast<uint8_t>(right);
  }

  bool ascii_joined_;
  Tables tables_;
  // The last byte before and the first byte behind, of tokens that begin or end with a part of one of both characters.
  std::vector<bool> parts_;
  bool any_parts_ = false;
};

}  // namespace tidemill
