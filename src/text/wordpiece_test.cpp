#include "text/wordpiece.h"

#include <gtest/gtest.h>

#include "text/pieces/piece_model_test.h"
#include "text/word_level.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

const std::vector<std::string_view> kTokens = {"[UNK]",  "un",  "##aff", "##able", "run",
                                               "##ning", "##n", "u",     "ä",      "##ä"};

TEST(WordPiece, TakesTheLongestMatch) {
  const auto model = make_wordpiece(kTokens, {});
  EXPECT_EQ(tokens_of(*model, "unaffable"), "un:0-2 ##aff:2-5 ##able:5-9");
  EXPECT_EQ(tokens_of(*model, "running"), "run:0-3 ##ning:3-7");
  EXPECT_EQ(tokens_of(*model, "unn"), "un:0-2 ##n:2-3");
  EXPECT_EQ(tokens_of(*model, "ää"), "ä:0-2 ##ä:2-4");
}

TEST(WordPiece, DoesNotTryShorterMatches) {
  const std::vector<std::string_view> tokens = {"[UNK]", "ab", "a", "##bc"};
  EXPECT_EQ(tokens_of(*make_wordpiece(tokens, {}), "abc"), "[UNK]:0-3");
}

TEST(WordPiece, AWordWithAnUnknownPartIsUnknown) {
  const auto model = make_wordpiece(kTokens, {});
  EXPECT_EQ(tokens_of(*model, "unaffx"), "[UNK]:0-6");
  EXPECT_EQ(tokens_of(*model, "affable"), "[UNK]:0-7");
}

TEST(WordPiece, AWordMayBeginLikeAContinuation) {
  EXPECT_EQ(tokens_of(*make_wordpiece(kTokens, {}), "##n##n"), "[UNK]:0-6");
  EXPECT_EQ(tokens_of(*make_wordpiece(kTokens, {}), "##naff"), "##n:0-3 ##aff:3-6");
}

TEST(WordPiece, CountsCharactersNotBytes) {
  const auto model = make_wordpiece(kTokens, {.max_chars_per_word = 2});
  EXPECT_EQ(tokens_of(*model, "ää"), "ä:0-2 ##ä:2-4");
  EXPECT_EQ(tokens_of(*model, "run"), "[UNK]:0-3");
}

TEST(WordPiece, AnyPrefixServes) {
  EXPECT_EQ(tokens_of(*make_wordpiece(kTokens, {.continuing_prefix = ""}), "runun"), "run:0-3 un:3-5");
  EXPECT_EQ(tokens_of(*make_wordpiece(kTokens, {.continuing_prefix = "@@"}), "runn"), "[UNK]:0-4");
  EXPECT_EQ(tokens_of(*make_wordpiece(kTokens, {.continuing_prefix = "@@"}), "run"), "run:0-3");
}

TEST(WordPiece, NumbersPieces) {
  const auto model = make_wordpiece(kTokens, {});
  const std::vector<ByteRange> pieces = {{0, 3}, {4, 11}, {12, 13}};
  std::vector<int32_t> ids;
  std::vector<uint32_t> numbers;
  model->encode("unn running x", pieces, *model->make_scratch(), {.ids = ids, .pieces = &numbers});
  EXPECT_EQ(ids, (std::vector<int32_t>{1, 6, 4, 5, 0}));
  EXPECT_EQ(numbers, (std::vector<uint32_t>{0, 0, 1, 1, 2}));
}

TEST(WordPiece, HolesAndDuplicates) {
  const std::vector<std::string_view> tokens = {"a", "", "a", "[UNK]"};
  const auto model = make_wordpiece(tokens, {});
  EXPECT_EQ(model->vocab_size(), 4);
  EXPECT_EQ(model->token_id("a"), 2);
  EXPECT_EQ(model->token_id(""), -1);
  EXPECT_EQ(model->token_name(0), "a");
  EXPECT_EQ(model->token_name(1), "");
  EXPECT_EQ(tokens_of(*model, "a"), "a:0-1");
}

TEST(WordPiece, ManyWordsAtOnce) {
  const auto model = make_wordpiece(kTokens, {});
  std::string text;
  std::vector<ByteRange> pieces;
  std::vector<int32_t> expected;
  const auto add = [&](std::string_view word, std::initializer_list<int32_t> ids) {
    pieces.push_back({static_cast<uint32_t>(text.size()), static_cast<uint32_t>(text.size() + word.size())});
    text += word;
    expected.insert(expected.end(), ids);
  };
  for (int k = 0; k < 300; ++k) {
    add("run", {4});
    if (k % 3 == 0) add("running", {4, 5});
    if (k % 7 == 0) add("x", {0});
    if (k == 200) add(std::string(101, 'u'), {0});
  }
  std::vector<int32_t> ids;
  model->encode(text, pieces, *model->make_scratch(), {ids});
  EXPECT_EQ(ids, expected);
}

TEST(WordPiece, WithoutAnUnknownTokenSaysSo) {
  const std::vector<std::string_view> tokens = {"a"};
  const auto model = make_wordpiece(tokens, {});
  EXPECT_EQ(tokens_of(*model, "a"), "a:0-1");
  EXPECT_THROW(tokens_of(*model, "b"), Error);
}

TEST(WordLevel, LooksUpWholeWords) {
  const std::vector<std::string_view> tokens = {"a", "ab", "<unk>"};
  const auto model = make_word_level(tokens, "<unk>");
  EXPECT_EQ(tokens_of(*model, "ab"), "ab:0-2");
  EXPECT_EQ(tokens_of(*model, "abc"), "<unk>:0-3");
  EXPECT_THROW(tokens_of(*make_word_level(tokens, "[UNK]"), "abc"), Error);
}

}  // namespace
}  // namespace tidemill
