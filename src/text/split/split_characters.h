// The kinds of characters that split patterns tell apart.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "text/unicode/unicode.h"

namespace tidemill {

// Bits, so that a class of a pattern is one mask.
namespace kind {
inline constexpr uint8_t upper = 1;         // Lu, Lt
inline constexpr uint8_t lower = 2;         // Ll
inline constexpr uint8_t other_letter = 4;  // Lm, Lo
inline constexpr uint8_t mark = 8;          // M
inline constexpr uint8_t number = 16;       // N
inline constexpr uint8_t blank = 32;        // \s but CR and LF
inline constexpr uint8_t newline = 64;      // CR, LF
inline constexpr uint8_t graphic = 128;     // P, S; what has no bit is Cc, Cf, Cn, ...

inline constexpr uint8_t letter = upper | lower | other_letter;
inline constexpr uint8_t space = blank | newline;
}  // namespace kind

// In blocks, as unicode::kKindOf.
extern const std::array<uint8_t, unicode::kNumberedCharacters> kSplitKinds;
extern const std::array<uint8_t, 128> kAsciiSplitKinds;

inline uint8_t split_kinds_of(char32_t c) {
  return kSplitKinds[unicode::kBlockOf[c / unicode::kBlockSize] * unicode::kBlockSize + c % unicode::kBlockSize];
}

struct SplitCharacter {
  char32_t c;
  uint8_t kinds;
  uint8_t size;  // bytes

  bool is(uint8_t any_of) const { return (kinds & any_of) != 0; }
};

// The character at `at`, where valid UTF-8 stands.
inline SplitCharacter split_character(const char* at) {
  const auto byte = [at](size_t k) { return static_cast<char32_t>(static_cast<uint8_t>(at[k])); };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, kAsciiSplitKinds[lead], 1};
  const auto of = [](char32_t c, uint8_t size) { return SplitCharacter{c, split_kinds_of(c), size}; };
  if (lead < 0xE0) return of((lead & 0x1F) << 6 | (byte(1) & 0x3F), 2);
  if (lead < 0xF0) return of((lead & 0xF) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3);
  return of((lead & 7) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4);
}

// The kinds of the character at `at`, where four bytes can be read.  Branches only for rare characters: which of the
// others stands there cannot be foreseen.
inline uint8_t split_kinds_at(const uint8_t* at) {
  const uint32_t lead = at[0];
  if (lead >= 0xF0) [[unlikely]]
    return split_character(reinterpret_cast<const char*>(at)).kinds;
  const uint32_t second = at[1] & 0x3Fu;
  const uint32_t of_two = (lead & 0x1F) << 6 | second;
  const uint32_t of_three = (lead & 0xF) << 12 | second << 6 | (at[2] & 0x3Fu);
  const uint32_t longer = lead < 0xE0 ? of_two : of_three;
  return split_kinds_of(lead < 0x80 ? lead : longer);
}

}  // namespace tidemill
