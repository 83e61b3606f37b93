// Where a text may be cut into parts that are encoded one by one, so that several threads can work on it.
//
// Which places are safe depends on the tokenizer; text/bpe/word_ends.cpp says why for each of them.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"

namespace tidemill {

// The kinds of places at which a tokenizer allows to cut.
struct TextCuts {
  bool word_ends = false;     // between a letter or digit of ASCII and a space
  bool spaces = false;        // between any letter or number and a space
  bool line_ends = false;     // between a line feed, with no white space before it, and a letter
  bool punctuation = false;   // between an ideograph, kana or Hangul syllable and a mark such as U+3002
  bool joined_words = false;  // at a space between letters or digits of ASCII; it is in neither part, for what the
                              // tokenizer puts before each text takes its place

  bool any() const { return word_ends || spaces || line_ends || punctuation || joined_words; }
};

struct TextCut {
  size_t end;    // of what is before it
  size_t begin;  // of what follows
};

// The first such place that leaves at least `from` > 0 bytes before it, if there is one.  `text` need not be UTF-8.
std::optional<TextCut> find_cut(const TextCuts& cuts, std::string_view text, size_t from);

// What is left of `cuts` where these are tokens: none may span a place, or depend on what is on its other side.
TextCuts cuts_beside(TextCuts cuts, const AddedTokens& added);

// `text` in at most `n_parts` > 0 parts of about equal size.
std::vector<std::string_view> cut_text(const TextCuts& cuts, std::string_view text, size_t n_parts);

}  // namespace tidemill
