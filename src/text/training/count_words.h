// Cuts a training text into words and counts them.
#pragma once

#include <string_view>

#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/split/splitter.h"
#include "text/training/word_counts.h"

namespace tidemill {

// How a line becomes words.  Refers to its parts.
struct WordRules {
  const Normalizer* normalizer = nullptr;  // may be null
  const Splitter* splitter = nullptr;      // if not null and without a normalizer, does what `pre_tokenizer` does
  const PreTokenizer* pre_tokenizer = nullptr;
  bool keep_line_ends = true;  // the '\n' belongs to its line
};

// Adds the words of `text`, less than 1 GiB, line by line: no word crosses the end of a line.  What is not UTF-8 counts
// as U+FFFD.  Any number of threads may call this, each with counts of its own.
void count_words(std::string_view text, const WordRules& rules, WordCounts& counts);

// Where `text` may be cut in two without another effect on its words: the greatest such place, 0 when there is none.
// Behind a line end:
size_t last_line_cut(std::string_view text);
// Before a space between two ASCII letters or digits, where all patterns but odd ones begin a word:
size_t last_word_cut(std::string_view text);

}  // namespace tidemill
