#include "text/training/word_letters.h"

#include <gtest/gtest.h>

#include <string>

namespace tidemill {
namespace {

TEST(WordLetters, WordsAreSortedAndLettersNumberedByCodePoint) {
  WordCounts counts;
  counts.add("bé", 2);
  counts.add("", 9);
  counts.add("ab", 3);
  counts.add("🙂", 1);
  const WordLetters words = make_word_letters(counts);
  EXPECT_EQ(words.alphabet, std::u32string(U"\0abé🙂", 5));
  EXPECT_FALSE(words.has_null);
  EXPECT_EQ(words.letters, (std::vector<uint32_t>{1, 2, 0, 2, 3, 0, 4, 0}));
  ASSERT_EQ(words.words.size(), 3u);
  EXPECT_EQ(words.words[0].count, 3);
  EXPECT_EQ(words.words[1].count, 2);
  EXPECT_EQ(words.words[2].count, 1);
  EXPECT_EQ(std::vector<uint32_t>(words.of(words.words[1]).begin(), words.of(words.words[1]).end()),
            (std::vector<uint32_t>{2, 3}));
}

TEST(WordLetters, NullIsTheEnd) {
  WordCounts counts;
  counts.add(std::string("a\0b", 3));
  const WordLetters words = make_word_letters(counts);
  EXPECT_TRUE(words.has_null);
  EXPECT_EQ(words.letters, (std::vector<uint32_t>{1, 0, 2, 0}));
  EXPECT_EQ(words.words[0].size, 3u);
}

TEST(WordLetters, LeavesOutWhatIsNoWord) {
  WordCounts counts;
  counts.add(std::string(kLongestTrainedWord, 'a'), 1);
  counts.add(std::string(kLongestTrainedWord + 1, 'b'), 1);
  std::string wide;  // more bytes than the limit, fewer letters
  while (wide.size() <= kLongestTrainedWord) wide += "é";
  counts.add(wide, 1);
  const WordLetters words = make_word_letters(counts);
  EXPECT_EQ(words.alphabet, std::u32string(U"\0aé", 3));
  EXPECT_EQ(words.words.size(), 2u);
}

TEST(WordLetters, NoWords) {
  const WordLetters words = make_word_letters({});
  EXPECT_TRUE(words.words.empty());
  EXPECT_EQ(words.alphabet.size(), 1u);
}

}  // namespace
}  // namespace tidemill
