#include "text/unicode/graphemes.h"

#include <gtest/gtest.h>

#include <string>

namespace tidemill {
namespace {

// The text with its clusters set apart.
std::string cut(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t size = grapheme_size(text);
    if (!result.empty()) result += '|';
    result += text.substr(0, size);
    text.remove_prefix(size);
  }
  return result;
}

TEST(Graphemes, KnowsClasses) {
  EXPECT_EQ(grapheme_class(U'\0'), GraphemeClass::control);
  EXPECT_EQ(grapheme_class(U'a'), GraphemeClass::other);
  EXPECT_EQ(grapheme_class(U'\u0301'), GraphemeClass::extend);
  EXPECT_EQ(grapheme_class(U'\u200D'), GraphemeClass::joiner);
  EXPECT_EQ(grapheme_class(U'\u0600'), GraphemeClass::prepend);
  EXPECT_EQ(grapheme_class(U'\U0001F600'), GraphemeClass::pictographic);
  EXPECT_EQ(grapheme_class(U'漢'), GraphemeClass::other);
  EXPECT_EQ(grapheme_class(U'\U0010FFFF'), GraphemeClass::other);
}

TEST(Graphemes, KeepsAccentsWithTheirLetters) {
  EXPECT_EQ(cut("ae\u0301\u0302b"), "a|e\u0301\u0302|b");
  EXPECT_EQ(cut("\u0301a"), "\u0301|a");
  EXPECT_EQ(cut("का"), "का");
}

TEST(Graphemes, ControlCharactersStandAlone) {
  EXPECT_EQ(cut("\r\n\n\r\r\n"), "\r\n|\n|\r|\r\n");
  EXPECT_EQ(cut("\n\u0301"), "\n|\u0301");
  EXPECT_EQ(cut("\u0600\n"), "\u0600|\n");
}

TEST(Graphemes, PrependGoesBefore) {
  EXPECT_EQ(cut("\u0600\u0600a1"), "\u0600\u0600a|1");
}

TEST(Graphemes, JoinsPictographs) {
  EXPECT_EQ(cut("👨\u200D👩a\u200D👩"), "👨\u200D👩|a\u200D|👩");
  EXPECT_EQ(cut("©\uFE0F\u200D©"), "©\uFE0F\u200D©");
}

TEST(Graphemes, JoinsHangul) {
  EXPECT_EQ(cut("\u1100\u1161\u11A8\u1100"), "\u1100\u1161\u11A8|\u1100");
  EXPECT_EQ(cut("가\u11A8각\u11A8각\u1161"), "가\u11A8|각\u11A8|각|\u1161");
}

}  // namespace
}  // namespace tidemill
