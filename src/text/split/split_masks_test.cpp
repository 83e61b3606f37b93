// Many pieces at once against one at a time, over random texts that are dense in what the patterns tell apart.
// tests/text/test_split_patterns.py compares with the regular expressions themselves.
#include "text/split/split_masks.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace tidemill {
namespace {

const std::vector<std::string> kAlphabet = {"a",      "b",      "s",
                                            "t",      "l",      "r",
                                            "e",      "v",      "d",
                                            "m",      "A",      "Z",
                                            "S",      "T",      "L",
                                            "R",      "E",      " ",
                                            " ",      " ",      " ",
                                            "\n",     "\r",     "\t",
                                            "'",      "'",      "'s",
                                            "'RE",    "/",      "/",
                                            ".",      ",",      "(",
                                            "1",      "2",      "34",
                                            "é",      "Ж",      "ж",
                                            "ſ",      "ǅ",      "中",
                                            "文",     "ʰ",      "\u0301",
                                            "\u0903", "\u20E3", "\u00A0",
                                            "\u3000", "\u0085", "½",
                                            "٣",      "😀",     "\u200D",
                                            "𐐀",      "𝟎",      std::string(1, '\0')};

std::string random_text(std::mt19937& rng) {
  // Few different symbols make long runs.
  const size_t n_symbols = 2 + rng() % (rng() % 2 == 0 ? 4 : kAlphabet.size());
  std::vector<std::string> symbols;
  const bool ascii = rng() % 2 == 0;
  while (symbols.size() < n_symbols) {
    const std::string& symbol = kAlphabet[rng() % kAlphabet.size()];
    if (!ascii || static_cast<uint8_t>(symbol[0]) < 0x80) symbols.push_back(symbol);
  }
  std::string text;
  for (size_t left = 1 + rng() % 200; left > 0; --left) text += symbols[rng() % symbols.size()];
  return text;
}

template <typename Rules>
void expect_equal(const Rules& rules, uint32_t seed) {
  std::mt19937 rng(seed);
  std::vector<ByteRange> pieces;
  for (int round = 0; round < 20000; ++round) {
    const std::string text = random_text(rng);
    const SplitScanner scanner(text);
    const size_t block = 1 + rng() % 100;
    size_t expected_begin = 0;
    for (size_t pos = 0; pos < text.size();) {
      pieces.clear();
      pos = split_by_masks(rules, text, pos, block, pieces);
      ASSERT_FALSE(pieces.empty());
      ASSERT_LE(pieces.size(), block);
      for (const ByteRange& piece : pieces) {
        ASSERT_EQ(piece.begin, expected_begin) << testing::PrintToString(text);
        ASSERT_EQ(piece.end, scanner.piece_end(rules, piece.begin)) << testing::PrintToString(text) << piece.begin;
        expected_begin = piece.end;
      }
      ASSERT_EQ(pos, expected_begin);
      ASSERT_TRUE(pieces.size() == block || pos == text.size());
    }
    ASSERT_EQ(expected_begin, text.size());
  }
}

TEST(SplitMasks, Gpt2) {
  expect_equal(Gpt2Rules{}, 1);
  expect_equal(Gpt2Rules{.single_numbers = true}, 7);
}
TEST(SplitMasks, Cl100k) {
  expect_equal(Cl100kRules{.max_digits = 3, .whole_end = true}, 2);
  expect_equal(Cl100kRules{.max_digits = 1}, 3);
  expect_equal(Cl100kRules{.max_digits = 3, .marks_join = true}, 4);
}
TEST(SplitMasks, O200k) {
  expect_equal(O200kRules{.max_digits = 3, .contractions = true}, 5);
  expect_equal(O200kRules{.max_digits = 1, .contractions = false}, 6);
}

TEST(SplitMasks, DeepSeek) {
  expect_equal(DeepSeekRules{}, 8);
}
TEST(SplitMasks, Falcon) {
  expect_equal(FalconRules{}, 9);
}

}  // namespace
}  // namespace tidemill
