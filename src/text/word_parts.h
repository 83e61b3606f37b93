// Texts in parts that are encoded one by one, for tokenizers that split at the ends of words.
//
// A text may be cut before a space that follows an ASCII letter or digit, once the tokenizer says that it splits there
// (Tokenizer::splits_at_word_ends).  Both characters must have come, so nothing that comes later moves the cut.  ASCII
// only, because what is a letter must not depend on a combining mark that is still to come.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tidemill/tokenizer.h"

namespace tidemill {

inline bool is_ascii_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// Whether a word ends at byte `at` of `text`; at < its size.
inline bool is_word_end(std::string_view text, size_t at) {
  return at > 0 && text[at] == ' ' && is_ascii_letter_or_digit(text[at - 1]);
}

// The ids that a tokenizer adds around a text, where they do not depend on the text.
struct AddedAround {
  std::vector<int32_t> before, after;
};
AddedAround added_around(const Tokenizer& tokenizer);

}  // namespace tidemill
