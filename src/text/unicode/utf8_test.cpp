#include "text/unicode/utf8.h"

#include <gtest/gtest.h>

#include <random>

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

// One character or byte after the other, as the plain form says.
bool is_utf8_by_steps(std::string_view text) {
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    if (!step.valid) return false;
    text.remove_prefix(step.n_bytes);
  }
  return true;
}

TEST(Utf8, BlocksFindWhatStepsFind) {
  std::mt19937 random(1);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  const uint32_t limits[] = {0x80, 0x800, 0x10000, 0x110000};
  int n_valid = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    const size_t size = 60 + below(140);
    const uint32_t limit = limits[below(4)];
    while (text.size() < size) text += encode(below(4) == 0 ? below(limit) : below(0x80));
    // Surrogates are broken already.  Half of the others get a byte replaced, dropped or doubled.
    const size_t at = below(2) == 0 ? below(8) * (text.size() - 1) / 7 : below(static_cast<uint32_t>(text.size()));
    const uint32_t change = below(6);
    if (change == 0) text[at] = static_cast<char>(below(256));
    if (change == 1) text.erase(at, 1);
    if (change == 2) text.insert(at, 1, text[at]);
    if (change == 3) text.resize(at);
    const bool valid = is_utf8_by_steps(text);
    n_valid += valid;
    ASSERT_EQ(is_utf8(text), valid) << round;
  }
  EXPECT_GT(n_valid, 2000);
  EXPECT_LT(n_valid, 18000);
}

}  // namespace
}  // namespace tidemill
