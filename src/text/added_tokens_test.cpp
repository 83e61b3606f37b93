#include "text/added_tokens.h"

#include <gtest/gtest.h>

#include "text/normalizers/normalizers.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using Stage = AddedTokens::Stage;

// "begin-end:token" of every match.
std::string matches(const AddedTokens& tokens, Stage stage, std::string_view text,
                    SpecialText special_text = SpecialText::parse) {
  std::string result;
  AddedTokens::Cursor cursor;
  while (const auto match = tokens.next(stage, text, special_text, cursor)) {
    result += (result.empty() ? "" : " ") + std::to_string(match->begin) + "-" + std::to_string(match->end) + ":" +
              std::to_string(match->token);
  }
  return result;
}

AddedToken token(std::string content) {
  return {.content = std::move(content), .id = 0, .normalized = false};
}

TEST(AddedTokens, LeftmostAndLongestIsFound) {
  const AddedTokens tokens({token("ab"), token("abc"), token("b")}, nullptr);
  EXPECT_EQ(matches(tokens, Stage::original, "xabcabb"), "1-4:1 4-6:0 6-7:2");
  EXPECT_EQ(matches(tokens, Stage::original, ""), "");
  EXPECT_EQ(matches(tokens, Stage::normalized, "ab"), "");
}

TEST(AddedTokens, TakesSpaceAlong) {
  AddedToken left = token("<l>");
  left.lstrip = true;
  AddedToken right = token("<r>");
  right.rstrip = true;
  const AddedTokens tokens({left, right}, nullptr);
  EXPECT_EQ(matches(tokens, Stage::original, "a \u00a0<l> b"), "1-7:0");
  EXPECT_EQ(matches(tokens, Stage::original, "a <r>\t\u3000b"), "2-9:1");
  EXPECT_EQ(matches(tokens, Stage::original, "<r>  <l>"), "0-5:1 5-8:0");
}

TEST(AddedTokens, WhiteSpaceThatWasTakenCanBeATokenItself) {
  AddedToken right = token("<r>");
  right.rstrip = true;
  const AddedTokens tokens({right, token("  ")}, nullptr);
  EXPECT_EQ(matches(tokens, Stage::original, "<r>  x"), "0-5:0 3-5:1");
}

TEST(AddedTokens, SingleWordsStandAlone) {
  AddedToken word = token("is");
  word.single_word = true;
  const AddedTokens tokens({word}, nullptr);
  EXPECT_EQ(matches(tokens, Stage::original, "is this is_ is! \u00e9is is\u0301 is\u200d"), "0-2:0 12-14:0");
}

TEST(AddedTokens, OfWhichNothingIsLeftCutBetweenAllCharacters) {
  const auto strip = make_strip({});
  AddedToken nothing = token(" ");
  nothing.normalized = true;
  AddedToken other = token("bc");
  other.normalized = true;
  const AddedTokens tokens({nothing, other}, strip.get());
  EXPECT_TRUE(tokens.any(Stage::normalized));
  EXPECT_EQ(matches(tokens, Stage::normalized, "ab\u00e9bc"), "0-0:0 1-1:0 2-2:0 4-6:1 6-6:0");
  EXPECT_EQ(matches(tokens, Stage::original, "ab"), "");
  nothing.rstrip = true;
  EXPECT_EQ(matches(AddedTokens({nothing}, strip.get()), Stage::normalized, "a  b"), "0-0:0 1-3:0 2-3:0 3-3:0 4-4:0");
}

TEST(AddedTokens, SpecialOnesCanBeTextOrForbidden) {
  AddedToken special = token("<s>");
  special.special = true;
  const AddedTokens tokens({special, token("<t>")}, nullptr);
  EXPECT_EQ(matches(tokens, Stage::original, "<s><t>", SpecialText::as_text), "3-6:1");
  try {
    matches(tokens, Stage::original, "a<s>", SpecialText::forbid);
    FAIL() << "a forbidden token was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_NE(std::string(error.what()).find("'<s>'"), std::string::npos);
  }
}

}  // namespace
}  // namespace tidemill
