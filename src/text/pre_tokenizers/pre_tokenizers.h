// The pre-tokenizers of Hugging Face's tokenizers, each with the pieces and the offsets that tokenizers 0.23.3 gives.
// All are immutable and hold no reference to what they were made from.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/pre_tokenizer.h"

namespace tidemill {

using PreTokenizerPtr = std::unique_ptr<const PreTokenizer>;

// What becomes of the places where a pattern matches.  "a--b" with the pattern "-":
enum class SplitBehavior : uint8_t {
  removed,               // a b
  isolated,              // a - - b
  merged_with_previous,  // a- - b
  merged_with_next,      // a - -b
  contiguous,            // a -- b
};

// Word characters, and what is neither word nor white space: \w+|[^\w\s]+ .
PreTokenizerPtr make_whitespace();
// What is between white space.
PreTokenizerPtr make_whitespace_split();
// What is between white space, with every punctuation mark alone.
PreTokenizerPtr make_bert_pre_tokenizer();
PreTokenizerPtr make_punctuation(SplitBehavior behavior);
// What is between occurrences of one character.
PreTokenizerPtr make_char_delimiter_split(char32_t delimiter);

enum class DigitRuns : uint8_t { whole, single_digits };
PreTokenizerPtr make_digits(DigitRuns runs);

// Runs of one script; Hiragana and Katakana count as Han.
PreTokenizerPtr make_unicode_scripts();
// `length` characters each, at least 1; the last piece may be shorter.  Throws bad_file for 0, naming `where`.
PreTokenizerPtr make_fixed_length(size_t length, const std::string& where);

enum class PrependScheme : uint8_t { always, first, never };
struct MetaspaceOptions {
  char32_t replacement = 0x2581;                  // what every space becomes
  PrependScheme prepend = PrependScheme::always;  // before each piece, or only before one at the start of the text
  bool split = true;                              // cut before every replacement
};
PreTokenizerPtr make_metaspace(const MetaspaceOptions& options);

struct ByteLevelOptions {
  bool add_prefix_space = true;  // before each piece that does not start with one
  bool use_regex = true;         // cut by GPT-2's pattern
  bool spell_bytes = true;       // every byte becomes a character of GPT-2's alphabet; not for a model of raw bytes
};
// Null when nothing of the three is asked for.
PreTokenizerPtr make_byte_level(const ByteLevelOptions& options);

// `invert`: what lies between matches counts as the match.
struct SplitOptions {
  SplitBehavior behavior = SplitBehavior::isolated;
  bool invert = false;
};
PreTokenizerPtr make_split_string(std::string pattern, SplitOptions options);
// By a regular expression (text/regex/regex.h), or by the hand-written splitter of a known one.  Throws bad_file for a
// malformed pattern and unsupported for one that cannot be run, naming `where`.
PreTokenizerPtr make_split_regex(std::string_view pattern, SplitOptions options, const std::string& where);

// One after the other; null ones are left out.  Null when nothing is left.
PreTokenizerPtr make_pre_tokenizer_sequence(std::vector<PreTokenizerPtr> parts);

}  // namespace tidemill
