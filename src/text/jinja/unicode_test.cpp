// Characters, their classes and their case; expected values are Python's.

#include "text/jinja/unicode.h"

#include <gtest/gtest.h>

namespace tidemill::jinja {
namespace {

TEST(Unicode, EveryCharacterComesBack) {
  std::string all;
  for (char32_t character = 0; character <= 0x10FFFF; ++character)
    if (character < 0xD800 || character >= 0xE000) append_code_point(all, character);
  size_t forward = 0, backward = all.size();
  for (char32_t character = 0; character <= 0x10FFFF; ++character)
    if (character < 0xD800 || character >= 0xE000) {
      ASSERT_EQ(next_code_point(all, forward), character);
    }
  for (char32_t character = 0x10FFFF; backward > 0; --character) {
    if (character == 0xDFFF) character = 0xD7FF;
    ASSERT_EQ(previous_code_point(all, backward), character);
  }
  EXPECT_EQ(count_characters(all), size_t{0x110000 - 0x800});
}

TEST(Unicode, ByteOffsets) {
  EXPECT_EQ(byte_offset("a\u00e9\u6f22z", 0), 0u);
  EXPECT_EQ(byte_offset("a\u00e9\u6f22z", 2), 3u);
  EXPECT_EQ(byte_offset("a\u00e9\u6f22z", 3), 6u);
  EXPECT_EQ(byte_offset("a\u00e9\u6f22z", 99), 7u);
}

TEST(Unicode, Case) {
  EXPECT_EQ(to_upper("stra\u00dfe \ufb01 \u01c6 \u0149"), "STRASSE FI \u01c4 \u02bcN");
  EXPECT_EQ(to_lower("\u0130 \u00c0B \u1e9e"), "i\u0307 \u00e0b \u00df");
  EXPECT_EQ(to_lower("\u039f\u0394\u039f\u03a3 \u03a3 \u03a3\u0391 \u0391.\u03a3. \u0391\u03a3\u0391"),
            "\u03bf\u03b4\u03bf\u03c2 \u03c3 \u03c3\u03b1 \u03b1.\u03c2. \u03b1\u03c3\u03b1");
  EXPECT_EQ(to_title("they're \u01c6\u01c6 \ufb02y"), "They'Re \u01c5\u01c6 Fly");
  EXPECT_EQ(capitalize("\u01c6AB"), "\u01c5ab");
  EXPECT_EQ(swap_case("aB\u00df\u01c5"), "AbSS\u01c5");
}

TEST(Unicode, Classes) {
  for (const char32_t space : {U' ', U'\t', U'\x1c', U'\u0085', U'\u00a0', U'\u2003', U'\u3000'})
    EXPECT_TRUE(is_space(space));
  for (const char32_t other : {U'a', U'\u200b', U'\ufeff', U'\0'}) EXPECT_FALSE(is_space(other));
  EXPECT_TRUE(is_alphabetic(U'\u6f22') && is_alphabetic(U'\u00aa') && !is_alphabetic(U'1') &&
              !is_alphabetic(U'\u0301'));
  EXPECT_TRUE(is_decimal(U'\u0663') && !is_decimal(U'\u00b2') && is_digit(U'\u00b2') && is_numeric(U'\u00bd'));
  EXPECT_EQ(decimal_value(U'\u0663'), 3);
  EXPECT_EQ(decimal_value(U'\U0001d7ff'), 9);
  EXPECT_TRUE(is_printable(U'\U0001f389') && !is_printable(U'\u200d') && !is_printable(U'\u00a0') &&
              !is_printable(0x7F));
}

TEST(Unicode, Lines) {
  using Lines = std::vector<std::string_view>;
  EXPECT_EQ(split_lines("a\nb\r\nc\rd\v\fe\x1c\u0085\u2028\u2029"), (Lines{"a", "b", "c", "d", "", "e", "", "", ""}));
  EXPECT_EQ(split_lines("a\r\n\nb", LineEnds::keep), (Lines{"a\r\n", "\n", "b"}));
  EXPECT_EQ(split_lines(""), Lines());
}

}  // namespace
}  // namespace tidemill::jinja
