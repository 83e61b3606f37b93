// What Unigram training begins with: all characters, and the substrings of words that stand for most of the text.
#pragma once

#include <cstdint>
#include <vector>

#include "text/training/training_tools.h"
#include "text/training/word_letters.h"

namespace tidemill {

struct SeedPiece {
  uint32_t begin;   // of one of its occurrences, in the letters of the words
  uint32_t length;  // in letters
  double score;     // the logarithm of its probability
};

inline constexpr uint32_t kLongestPiece = 16;  // letters

// Letters by falling count, then substrings of two letters and more by falling number of occurrences in distinct words
// times length, at most `n_most` pieces together but never less than the letters and one substring.  A substring counts
// when it occurs twice and different letters (or word ends) follow it: any other one ends where a longer one does.
// Takes some 8 bytes a letter of the words and 16 for each substring; time is that of sorting the words' suffixes by
// their first letters.
std::vector<SeedPiece> make_seed_pieces(const WordLetters& words, size_t n_most, const RunParts& run);

}  // namespace tidemill
