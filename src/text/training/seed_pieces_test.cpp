#include "text/training/seed_pieces.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <string>

namespace tidemill {
namespace {

void run_here(size_t n, const std::function<void(size_t)>& body) {
  for (size_t part = 0; part < n; ++part) body(part);
}

WordLetters letters_of(const std::map<std::string, int64_t>& words) {
  WordCounts counts;
  for (const auto& [word, count] : words) counts.add(word, count);
  return make_word_letters(counts);
}

std::string text_of(const WordLetters& words, const SeedPiece& piece) {
  std::string text;
  for (uint32_t k = 0; k < piece.length; ++k) text += static_cast<char>(words.alphabet[words.letters[piece.begin + k]]);
  return text;
}

std::string joined(const WordLetters& words, const std::vector<SeedPiece>& pieces) {
  std::string text;
  for (const SeedPiece& piece : pieces) text += text_of(words, piece) + " ";
  return text;
}

TEST(SeedPieces, LettersByCountThenSubstringsByOccurrencesTimesLength) {
  const WordLetters words = letters_of({{"abra", 3}, {"bract", 1}, {"bran", 1}});
  // Letters count as often as their words do, substrings once in each.  "br" is always followed by "a".
  EXPECT_EQ(joined(words, make_seed_pieces(words, 100, run_here)), "a r b t n c bra ra ");
}

TEST(SeedPieces, ScoresAreLogarithmsOfShares) {
  const WordLetters words = letters_of({{"ab", 3}, {"abc", 1}});
  const std::vector<SeedPiece> pieces = make_seed_pieces(words, 100, run_here);
  ASSERT_EQ(joined(words, pieces), "b a c ab ");
  EXPECT_DOUBLE_EQ(pieces[0].score, std::log(4.0 / 13));
  EXPECT_DOUBLE_EQ(pieces[3].score, std::log(4.0 / 13));
}

TEST(SeedPieces, AtMostSoManyButTheLettersAndOne) {
  const WordLetters words = letters_of({{"abra", 3}, {"bract", 1}, {"bran", 1}});
  EXPECT_EQ(joined(words, make_seed_pieces(words, 7, run_here)), "a r b t n c bra ");
  EXPECT_EQ(joined(words, make_seed_pieces(words, 2, run_here)), "a r b t n c bra ");
}

TEST(SeedPieces, NoWords) {
  EXPECT_TRUE(make_seed_pieces(letters_of({}), 10, run_here).empty());
}

// Every substring, its occurrences and what follows them, looked up one by one.
std::map<std::string, uint64_t> substrings_of(const std::map<std::string, int64_t>& words) {
  std::map<std::string, std::map<char, uint64_t>> followers;
  for (const auto& [word, count] : words) {
    for (size_t begin = 0; begin < word.size(); ++begin) {
      for (size_t length = 2; length <= kLongestPiece && begin + length <= word.size(); ++length) {
        followers[word.substr(begin, length)][word.c_str()[begin + length]] += 1;
      }
    }
  }
  std::map<std::string, uint64_t> weights;
  for (const auto& [text, after] : followers) {
    if (after.size() < 2) continue;
    for (const auto& [letter, count] : after) weights[text] += count * text.size();
  }
  return weights;
}

TEST(SeedPieces, EverySubstringWithDifferentFollowers) {
  std::mt19937 random(1);
  for (const uint32_t n_letters : {1u, 2u, 3u, 26u}) {
    std::map<std::string, int64_t> texts;
    for (int k = 0; k < 60; ++k) {
      std::string word;
      for (uint32_t length = 1 + random() % 40; length > 0; --length)
        word += static_cast<char>('a' + random() % n_letters);
      texts[word] += 1;
    }
    const WordLetters words = letters_of(texts);
    const std::vector<SeedPiece> pieces = make_seed_pieces(words, 1'000'000, run_here);
    std::map<std::string, uint64_t> expected = substrings_of(texts);
    const size_t n_single = words.alphabet.size() - 1;
    ASSERT_EQ(pieces.size(), n_single + expected.size());
    for (size_t k = n_single; k < pieces.size(); ++k) {
      EXPECT_TRUE(expected.contains(text_of(words, pieces[k]))) << text_of(words, pieces[k]);
      if (k > n_single) {
        EXPECT_GE(expected[text_of(words, pieces[k - 1])], expected[text_of(words, pieces[k])]);
      }
    }
  }
}

}  // namespace
}  // namespace tidemill
