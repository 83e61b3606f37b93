#include "text/unicode/utf8.h"

#include <gtest/gtest.h>

namespace tidemill {
namespace {

std::string encode(uint32_t code_point) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (code_point >> shift & 0x3F)); };
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  if (code_point < 0x800) return {static_cast<char>(0xC0 | code_point >> 6), tail(0)};
  if (code_point < 0x10000) return {static_cast<char>(0xE0 | code_point >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | code_point >> 18), tail(12), tail(6), tail(0)};
}

TEST(Utf8, AcceptsEveryScalarValueAndNoSurrogate) {
  for (uint32_t code_point = 0; code_point <= 0x110FFF; ++code_point) {
    const std::string bytes = encode(code_point);
    const bool is_scalar = code_point <= 0x10FFFF && (code_point < 0xD800 || code_point > 0xDFFF);
    const Utf8Step step = utf8_step(bytes + "x");
    ASSERT_EQ(step.valid, is_scalar) << code_point;
    if (is_scalar) {
      ASSERT_EQ(step.n_bytes, bytes.size()) << code_point;
    }
  }
}

// Expected values are those of Python's bytes.decode("utf-8", errors="replace").
TEST(Utf8, ReplacesMaximalSubparts) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"plain text, longer than eight bytes", "plain text, longer than eight bytes"},
      {"\xFF", "\uFFFD"},
      {"\x80\xBF", "\uFFFD\uFFFD"},
      {"\xC0\xAF", "\uFFFD\uFFFD"},                      // overlong form: no byte of it can start a character
      {"\xE0\x80\xAF", "\uFFFD\uFFFD\uFFFD"},            // overlong
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},            // a surrogate
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},  // past U+10FFFF
      {"\xE2\x96", "\uFFFD"},                            // truncated: one replacement for both bytes
      {"\xF0\x9F\x98|", "\uFFFD|"},
      {"\xF0\x9F\xE2\x96\x81", "\uFFFD\u2581"},
      {"\xE2\x96\xE2\x96\x81", "\uFFFD\u2581"},
      {"12345678\xC3(12345678", "12345678\uFFFD(12345678"},
      {std::string("\0\x01", 2), std::string("\0\x01", 2)},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(replace_invalid_utf8(text), expected);
    EXPECT_EQ(is_utf8(text), text == expected);
    EXPECT_TRUE(is_utf8(expected));
  }
}

TEST(Utf8, FindsAnInvalidByteAtAnyPlaceInAWord) {
  for (size_t pos = 0; pos < 20; ++pos) {
    std::string text(20, 'a');
    EXPECT_TRUE(is_utf8(text));
    text[pos] = '\xFE';
    EXPECT_FALSE(is_utf8(text)) << pos;
  }
}

}  // namespace
}  // namespace tidemill
