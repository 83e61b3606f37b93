#include "text/training/word_letters.h"

#include <algorithm>
#include <limits>

#include "text/training/character_ids.h"
#include "text/unicode/code_points.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// Calls `visit` with every character of `word`.
template <typename Visit>
void for_each_character(std::string_view word, Visit&& visit) {
  for (size_t pos = 0; pos < word.size();) visit(next_code_point(word, pos));
}

bool is_too_long(std::string_view word) {
  size_t n_letters = 0;
  if (word.size() > kLongestTrainedWord) for_each_character(word, [&](char32_t) { ++n_letters; });
  return n_letters > kLongestTrainedWord;
}

}  // namespace

WordLetters make_word_letters(const WordCounts& words) {
  WordLetters result;
  CharacterIds letters;
  letters[U'\0'] = WordLetters::kEnd;
  result.alphabet = {U'\0'};
  size_t n_letters = 0;
  for (size_t k = 0; k < words.size(); ++k) {
    if (is_too_long(words.word(k))) continue;
    n_letters += 1;
    for_each_character(words.word(k), [&](char32_t c) {
      uint32_t& letter = letters[c];
      if (letter == CharacterIds::kNone) {
        letter = 1;
        result.alphabet += c;
      }
      result.has_null |= c == U'\0';
      ++n_letters;
    });
  }
  if (n_letters > std::numeric_limits<uint32_t>::max()) {
    throw Error(ErrorCode::out_of_memory, "training: too many distinct words; train on a part of the text");
  }
  std::sort(result.alphabet.begin(), result.alphabet.end());
  for (uint32_t letter = 0; letter < result.alphabet.size(); ++letter) letters[result.alphabet[letter]] = letter;
  result.letters.reserve(n_letters);
  for (const uint32_t k : words.sorted()) {
    if (is_too_long(words.word(k))) continue;
    const auto begin = static_cast<uint32_t>(result.letters.size());
    for_each_character(words.word(k), [&](char32_t c) { result.letters.push_back(letters[c]); });
    const auto size = static_cast<uint32_t>(result.letters.size() - begin);
    if (size == 0) continue;
    result.letters.push_back(WordLetters::kEnd);
    result.words.push_back({begin, size, words.count(k)});
  }
  return result;
}

}  // namespace tidemill
