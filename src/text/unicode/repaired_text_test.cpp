#include "text/unicode/repaired_text.h"

#include <gtest/gtest.h>

namespace tidemill {
namespace {

TEST(RepairedText, ValidTextIsNotCopied) {
  const std::string text = "na\u00efve";
  const RepairedText repaired(text);
  EXPECT_EQ(repaired.text().data(), text.data());
  EXPECT_EQ(repaired.original({1, 4}), (TokenSpan{1, 4}));
}

TEST(RepairedText, SpansLeadBackToTheOriginal) {
  // a, a cut character of two bytes, b, a stray byte, c
  const std::string text =
      "a\xE2\x96"
      "b\xFF"
      "c";
  const RepairedText repaired(text);
  ASSERT_EQ(repaired.text(), "a\uFFFDb\uFFFDc");
  EXPECT_EQ(repaired.original({0, 1}), (TokenSpan{0, 1}));
  EXPECT_EQ(repaired.original({1, 4}), (TokenSpan{1, 3}));
  EXPECT_EQ(repaired.original({2, 3}), (TokenSpan{1, 3}));  // a part of U+FFFD
  EXPECT_EQ(repaired.original({4, 5}), (TokenSpan{3, 4}));
  EXPECT_EQ(repaired.original({5, 8}), (TokenSpan{4, 5}));
  EXPECT_EQ(repaired.original({0, 9}), (TokenSpan{0, 6}));
  EXPECT_EQ(repaired.original({9, 9}), (TokenSpan{6, 6}));
}

}  // namespace
}  // namespace tidemill
