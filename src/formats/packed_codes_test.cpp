#include "formats/packed_codes.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace tidemill {
namespace {

// Worked out by hand from the tools' own packing.
TEST(PackedCodes, AwqHoldsEvenColumnsFirst) {
  const uint32_t word = 0x76543210;  // nibble i holds i
  uint8_t codes[8];
  unpack_codes({4, CodeOrder::awq_gemm, 1, 8, 1, 1}, &word, codes, 8, 1);
  EXPECT_EQ(std::vector<int>(codes, codes + 8), (std::vector<int>{0, 4, 1, 5, 2, 6, 3, 7}));
}

TEST(PackedCodes, ThreeBitsCrossWordsInAStream) {
  // Code 10 has bits 30 and 31 of the first word and bit 0 of the second; code 21 bit 31 and two of the third.
  std::vector<uint8_t> codes(32, 0), found(32);
  codes[10] = 5;
  codes[21] = 6;
  uint32_t words[3];
  const CodeLayout layout{3, CodeOrder::stream, 1, 32, 3, 1};
  pack_codes(layout, codes.data(), 32, 1, words);
  EXPECT_EQ(words[0], 0x40000000u);
  EXPECT_EQ(words[1], 0x00000001u);
  EXPECT_EQ(words[2], 0x00000003u);
  unpack_codes(layout, words, found.data(), 32, 1);
  EXPECT_EQ(found, codes);
}

TEST(PackedCodes, WholeCodesLeaveHighBits) {
  const uint32_t words[2] = {0x3fffffff, 0x7};  // ten codes of 3 bits, then one
  uint8_t codes[11];
  unpack_codes({3, CodeOrder::whole, 1, 11, 2, 1}, words, codes, 11, 1);
  for (const uint8_t code : codes) EXPECT_EQ(code, 7);
}

TEST(PackedCodes, WhatIsPackedComesBackInEveryLayout) {
  std::mt19937 random(3);
  for (const int64_t n_lines : {1, 8, 65, 130}) {
    for (const int64_t n_codes : {1, 8, 67, 200}) {
      for (const int bits : {2, 3, 4, 5, 6, 7, 8}) {
        for (const CodeOrder order : {CodeOrder::stream, CodeOrder::whole, CodeOrder::awq_gemm}) {
          if (order == CodeOrder::awq_gemm && bits != 4) continue;
          std::vector<uint8_t> codes(static_cast<size_t>(n_lines * n_codes)), found(codes.size());
          for (uint8_t& code : codes) code = static_cast<uint8_t>(random() & ((1u << bits) - 1));
          const int64_t n_words = CodeLayout::n_words(order, bits, n_codes);
          std::vector<uint32_t> words(static_cast<size_t>(n_words * n_lines));
          for (const bool is_by_word : {false, true}) {  // lines beside or below each other
            const CodeLayout layout{bits, order, n_lines, n_codes, is_by_word ? 1 : n_words, is_by_word ? n_lines : 1};
            pack_codes(layout, codes.data(), n_codes, 1, words);
            unpack_codes(layout, words.data(), found.data(), n_codes, 1);
            ASSERT_EQ(found, codes) << bits << " bits, " << n_lines << " x " << n_codes;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace tidemill
