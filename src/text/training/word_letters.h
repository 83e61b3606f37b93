// The distinct words of a training text as sequences of letters: its characters, numbered in the order of code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "text/training/word_counts.h"

namespace tidemill {

struct WordLetters {
  // Stands behind every word.  U+0000 is this letter, too, so no piece can hold it.
  static constexpr uint32_t kEnd = 0;

  struct Word {
    uint32_t begin;  // of its letters in `letters`
    uint32_t size;   // above 0
    int64_t count;
  };
  std::u32string alphabet;        // by letter, ascending; begins with U+0000 whether that occurs or not
  bool has_null = false;          // U+0000 occurs
  std::vector<uint32_t> letters;  // of all words, one word after another, each with a kEnd behind it
  std::vector<Word> words;        // ascending by their bytes, which is by their letters

  std::span<const uint32_t> of(const Word& word) const { return std::span(letters).subspan(word.begin, word.size); }
};

// Words of more letters are left out, as they are no words: summing over all ways to cut one takes some hundred bytes a
// letter.
inline constexpr size_t kLongestTrainedWord = 65536;

// `words`: valid UTF-8; an empty one is left out.  Takes 4 bytes a letter and 16 a word.  Throws out_of_memory past
// four billion letters.
WordLetters make_word_letters(const WordCounts& words);

}  // namespace tidemill
