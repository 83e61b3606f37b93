#include "text/words/word_cutter.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace tidemill {
namespace {

std::vector<std::string> cut(std::string_view text) {
  std::vector<std::string> words;
  std::array<ByteRange, kWordRoom> block;
  for (size_t pos = 0; const size_t n = cut_words(text, pos, block);) {
    EXPECT_LE(n, PieceBlock::kPieces);
    for (size_t k = 0; k < n; ++k) words.emplace_back(text.substr(block[k].begin, block[k].end - block[k].begin));
  }
  return words;
}

std::vector<std::string> cut_plainly(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  for (const char c : text) {
    const bool is_space = kWordSpaces.find(c) != kWordSpaces.npos;
    if (!is_space && !inside) words.emplace_back();
    if (!is_space) words.back() += c;
    inside = !is_space;
  }
  return words;
}

TEST(WordCutter, CutsAtWhiteSpace) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(cut(""), Words());
  EXPECT_EQ(cut(" \n\t\r "), Words());
  EXPECT_EQ(cut("one"), Words{"one"});
  EXPECT_EQ(cut(" one\r\ntwo\tthree "), (Words{"one", "two", "three"}));
  EXPECT_EQ(cut("a\u00A0b\vc d"), (Words{"a\u00A0b\vc", "d"}));
}

TEST(WordCutter, CutsAsThePlainForm) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    const size_t longest = size_t{1} << random() % 12;
    while (text.size() < 1 + random() % 6000) {
      text.append(1 + random() % longest, static_cast<char>('!' + random() % 90));
      text.append(random() % 4, kWordSpaces[random() % kWordSpaces.size()]);
    }
    ASSERT_EQ(cut(text), cut_plainly(text));
  }
}

}  // namespace
}  // namespace tidemill
