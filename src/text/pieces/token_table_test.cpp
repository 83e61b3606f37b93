#include "text/pieces/token_table.h"

#include <gtest/gtest.h>

#include "tidemill/error.h"

namespace tidemill {
namespace {

TEST(TokenStrings, GivesBackEveryString) {
  const std::vector<std::string_view> strings{"", "a", "", "long enough to matter", std::string_view("\0", 1), ""};
  const TokenStrings tokens(strings);
  ASSERT_EQ(tokens.size(), 6);
  for (int32_t id = 0; id < tokens.size(); ++id) EXPECT_EQ(tokens[id], strings[id]);
  EXPECT_EQ(TokenStrings().size(), 0);
}

TEST(TokenStrings, StandInARowBetweenZeros) {
  const std::vector<std::string_view> strings{"ab", "", "c"};
  const TokenStrings tokens(strings);
  EXPECT_EQ(tokens.joined(), "abc");
  EXPECT_EQ(std::vector<uint32_t>(tokens.ends().begin(), tokens.ends().end()), (std::vector<uint32_t>{2, 2, 3}));
  const std::string before(tokens.joined().data() - TokenStrings::kMarginBefore, TokenStrings::kMarginBefore);
  EXPECT_EQ(before, std::string(TokenStrings::kMarginBefore, '\0'));
  const std::string behind(tokens.joined().data() + 3, TokenStrings::kMarginBehind);
  EXPECT_EQ(behind, std::string(TokenStrings::kMarginBehind, '\0'));
  EXPECT_EQ(TokenStrings().joined(), "");
}

TEST(TokenStrings, AreUtf8WhenEachOneIs) {
  const auto are = [](std::vector<std::string_view> strings) { return are_utf8(TokenStrings(strings)); };
  EXPECT_TRUE(are({}));
  EXPECT_TRUE(are({"", "a", "é", "", "中"}));
  EXPECT_FALSE(are({"a", "\xC3", "\xA9"}));  // "é" in two
  EXPECT_FALSE(are({"a", "\xFF"}));
  EXPECT_FALSE(are({"\xA9"}));
}

TEST(JoinableHash, JoinsParts) {
  const JoinableHash hash(6);
  const std::string_view text = std::string_view(
      "a\0b\xFF"
      "cd",
      6);
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const std::string_view right = text.substr(cut);
    EXPECT_EQ(hash.join(JoinableHash::of(text.substr(0, cut)), JoinableHash::of(right), right.size()),
              JoinableHash::of(text));
  }
  EXPECT_NE(JoinableHash::of(std::string_view("\0a", 2)), JoinableHash::of("a"));
}

TEST(TokenIndex, FindsEveryTokenAndNothingElse) {
  std::vector<std::string> storage;
  for (int k = 0; k < 50000; ++k) storage.push_back("token" + std::to_string(k * 7));
  storage[3].clear();
  const std::vector<std::string_view> views(storage.begin(), storage.end());
  const TokenStrings tokens(views);
  const TokenIndex index(tokens, "test");
  for (int32_t id = 0; id < tokens.size(); ++id) {
    if (id != 3) {
      ASSERT_EQ(index.find(tokens[id]), id);
    }
  }
  EXPECT_EQ(index.find(""), -1);
  for (int k = 0; k < 50000; ++k) ASSERT_EQ(index.find("Token" + std::to_string(k)), -1);
  EXPECT_EQ(index.longest(), std::string("token349993").size());
  const TokenStrings none;
  EXPECT_EQ(TokenIndex(none, "test").find("a"), -1);
}

void expect_bad_file(const std::vector<std::string_view>& tokens, const std::string& part_of_message) {
  const TokenStrings strings(tokens);
  try {
    TokenIndex(strings, "model.gguf");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_file);
    EXPECT_EQ(std::string(error.what()).find("model.gguf: "), 0u) << error.what();
    EXPECT_NE(std::string(error.what()).find(part_of_message), std::string::npos) << error.what();
  }
}

TEST(TokenIndex, RefusesDuplicates) {
  expect_bad_file({"a", "", "b", "", "a"}, "'a' occurs twice, as 0 and 4");
}

// Every power of two of bytes cancels itself in a polynomial modulo 2^64 (Thue and Morse): strings of blocks A and B,
// where B is A with 'a' and 'b' exchanged, have equal hashes.
TEST(TokenIndex, RefusesTokensThatWereMadeToCollide) {
  std::string a = "a";
  std::string b = "b";
  while (a.size() < 2048) std::tie(a, b) = std::make_pair(a + b, b + a);
  ASSERT_EQ(JoinableHash::of(a), JoinableHash::of(b));
  std::vector<std::string> storage;
  for (int bits = 0; bits < 2048; ++bits) {
    std::string& token = storage.emplace_back();
    for (int k = 0; k < 11; ++k) token += bits >> k & 1 ? a : b;
  }
  expect_bad_file({storage.begin(), storage.end()}, "made to collide");
}

}  // namespace
}  // namespace tidemill
