// The known split patterns, one piece at a time: where the piece that begins at a given place ends.
//
// This is the plain form of each pattern.  Splitters run it where text is not ASCII or a piece is long; split_masks.h
// does many pieces at once elsewhere, with equal results.
#pragma once

#include <cstddef>
#include <string_view>

#include "text/split/split_characters.h"

namespace tidemill {

// How a contraction after an apostrophe is spelt.
enum class Contractions : uint8_t { none, lower_case, any_case };

// What a pattern of the GPT-2 family is made of:   's|'t|'re|'ve|'m|'ll|'d| ?L+| ?N+| ?[^\sLN]+|\s+(?!\S)|\s+
struct Gpt2Rules {
  bool single_numbers = false;  // N comes first, for all of the text (StarCoder): white space ends before it
};

// The family of cl100k:
//   (?i:'s|...)|[^\r\nLN]?L+|N{1,n}| ?[^\sLN]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
struct Cl100kRules {
  int max_digits = 3;
  bool whole_end = false;   // white space at the end of the text is one piece, new lines or not: \s++$ comes first
  bool marks_join = false;  // L is [\p{L}\p{M}]
};

// The family of o200k:
//   [^\r\nLN]?U*W+(?i:'s|...)?|[^\r\nLN]?U+W*(?i:'s|...)?|N{1,n}| ?[^\sLN]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
// with U upper case and W lower case, each with the letters and marks that have no case.
struct O200kRules {
  int max_digits = 3;
  bool contractions = true;
};

// DeepSeek-V3: three patterns, each cutting what those before it leave, of which the last is
//   [ASCII punctuation][A-Za-z]+|[^\r\nLPS]?[LM]+| ?[PS]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
// and the first ones N{1,3} and ideographs with kana.  At the ends of their pieces a text ends for the last one.
struct DeepSeekRules {};

// Falcon: [P$+<=>^~|`]+, then the pattern of GPT-2, then three digits of ASCII at a time.
struct FalconRules {};

class SplitScanner {
 public:
  SplitScanner(std::string_view text) : text_(text.data()), end_(text.size()) {}

  // `pos` < the text's size is where a piece begins.
  size_t piece_end(const Gpt2Rules& rules, size_t pos) const;
  size_t piece_end(const Cl100kRules& rules, size_t pos) const;
  size_t piece_end(const O200kRules& rules, size_t pos) const;
  size_t piece_end(const DeepSeekRules& rules, size_t pos) const;
  size_t piece_end(const FalconRules& rules, size_t pos) const;

  // Past the contraction whose apostrophe is at `pos`; `pos` when there is none.
  size_t skip_contraction(size_t pos, bool any_case) const;
  // U+017F, which is an s in any case.
  bool is_long_s(size_t pos) const { return byte(pos) == '\xC5' && byte(pos + 1) == '\xBF'; }

 private:
  SplitCharacter at(size_t pos) const { return split_character(text_ + pos); }
  bool is(size_t pos, uint8_t kinds) const { return pos < end_ && at(pos).is(kinds); }
  bool is_not(size_t pos, uint8_t kinds) const { return pos < end_ && !at(pos).is(kinds); }
  char byte(size_t pos) const { return pos < end_ ? text_[pos] : '\0'; }

  // Past all characters from `pos` on that are, or are not, of any of `kinds`.
  size_t skip(size_t pos, uint8_t kinds) const;
  size_t skip_not(size_t pos, uint8_t kinds) const;
  size_t skip_newlines(size_t pos, bool and_slashes) const;
  size_t skip_numbers(size_t pos, int max) const;
  size_t skip_cased_word(size_t pos) const;
  size_t skip_upper_word(size_t pos) const;
  size_t skip_o200k_word(size_t pos) const;
  size_t skip_ascii_letters(size_t pos) const;
  size_t skip_falcon_punctuation(size_t pos) const;
  bool has_three_digits(size_t pos) const;

  // DeepSeek's last pattern sees no further than such a stretch: of ideographs and kana, or free of them and numbers.
  bool is_in_stretch(size_t pos, bool unspaced, uint8_t kinds) const;
  size_t skip_in_stretch(size_t pos, bool unspaced, uint8_t kinds) const;
  size_t skip_unmatched(size_t pos, bool unspaced) const;

  struct Space {
    size_t end;           // of the run of white space
    size_t last;          // where its last character begins
    size_t past_newline;  // past its last new line; 0: there is none
  };
  Space space_at(size_t pos) const;
  // \s+(?!\S)|\s+ over the run of white space at `pos`.
  static size_t blank_end(const Space& space, size_t pos, size_t text_end);

  const char* text_;
  size_t end_;
};

}  // namespace tidemill
