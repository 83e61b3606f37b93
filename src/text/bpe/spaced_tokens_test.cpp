#include "text/bpe/spaced_tokens.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tidemill {
namespace {

bool none_spans(const std::vector<std::string_view>& tokens) {
  return no_token_spans_word_end(TokenStrings(tokens));
}

TEST(SpacedTokens, NeedATokenForASpaceAndNoneBehindAWord) {
  EXPECT_TRUE(none_spans({"▁", "▁the", "the", ".▁", "é▁", "▁▁", "▁a"}));
  EXPECT_FALSE(none_spans({"▁▁", "▁the"}));
  for (const std::string_view spanning : {"a▁", "the▁m", "0▁", "9▁▁", "Z▁", "z▁", "A▁"}) {
    EXPECT_FALSE(none_spans({"▁", spanning})) << spanning;
  }
  for (const std::string_view other : {"/▁", ":▁", "@▁", "[▁", "`▁", "{▁", "a▂", "▁a▂"}) {
    EXPECT_TRUE(none_spans({"▁", other})) << other;
  }
}

// Wherever in a window of 64 bytes the token stands, and whatever stands before it.
TEST(SpacedTokens, AreSeenAnywhere) {
  for (size_t n_before = 0; n_before < 130; ++n_before) {
    const std::string before(n_before, 'x');
    EXPECT_TRUE(none_spans({before, "▁", "", "▁x"})) << n_before;
    EXPECT_FALSE(none_spans({before, ".", "x▁", "▁"})) << n_before;
    EXPECT_FALSE(none_spans({before + "▁", "▁"}) && n_before > 0) << n_before;
  }
}

}  // namespace
}  // namespace tidemill
