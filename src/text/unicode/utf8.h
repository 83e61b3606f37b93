// UTF-8 as RFC 3629 defines it: checking, stepping over characters, replacing what is not UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tidemill {

inline constexpr std::string_view kReplacementCharacter = "\uFFFD";

// What stands at the start of a text: a character, or bytes that are none.
struct Utf8Step {
  size_t n_bytes;  // at least 1
  bool valid;      // false: these bytes are replaced together by one U+FFFD
};

// The step at the start of `text`, which is not empty.  Invalid bytes are grouped into "maximal subparts" (Unicode
// 15.0 section 3.9, the WHATWG encoding standard, Python's errors="replace"): a truncated character is one step.
Utf8Step utf8_step(std::string_view text);

struct DecodedCharacter {
  char32_t code_point;  // U+FFFD for bytes that are no character
  size_t n_bytes;
};
// The character, or the bytes that are none, at the start or the end of `text`, which is not empty.
DecodedCharacter first_character(std::string_view text);
DecodedCharacter last_character(std::string_view text);

bool is_utf8(std::string_view text);

// `text` with every invalid step replaced by U+FFFD.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace tidemill
