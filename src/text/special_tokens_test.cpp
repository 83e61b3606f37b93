#include "text/special_tokens.h"

#include <gtest/gtest.h>

#include <random>

namespace tidemill {
namespace {

std::vector<SpecialTokens::Match> all_matches(const SpecialTokens& special, std::string_view text) {
  std::vector<SpecialTokens::Match> found;
  size_t pos = 0;
  while (const auto match = special.find(text, pos)) {
    found.push_back(*match);
    pos = match->end;
  }
  return found;
}

std::vector<int32_t> ids(const SpecialTokens& special, std::string_view text) {
  std::vector<int32_t> result;
  for (const auto& match : all_matches(special, text)) result.push_back(match.id);
  return result;
}

TEST(SpecialTokens, FindsNothingWhenThereAreNone) {
  EXPECT_FALSE(SpecialTokens().find("text", 0));
  EXPECT_FALSE(SpecialTokens({{"<a>", 1}}).find("", 0));
  EXPECT_FALSE(SpecialTokens({{"<a>", 1}}).find("<a<a", 0));
}

TEST(SpecialTokens, TakesTheLeftmostAndThenTheLongest) {
  const SpecialTokens special({{"\n\n", 2}, {"\n", 1}, {"\n\n\n", 3}, {"ab", 4}, {"bcd", 5}, {"<x", 6}, {"<x>y", 7}});
  EXPECT_EQ(ids(special, "\n\n\n\n\n"), (std::vector<int32_t>{3, 2}));
  EXPECT_EQ(ids(special, "abcd"), (std::vector<int32_t>{4}));
  EXPECT_EQ(ids(special, "bcdab"), (std::vector<int32_t>{5, 4}));
  EXPECT_EQ(ids(special, "<x>z<x>y"), (std::vector<int32_t>{6, 7}));  // the longer one fails at its last byte
}

TEST(SpecialTokens, SaysWhereAMatchLies) {
  const auto match = SpecialTokens({{"\u2581\u2581", 9}}).find("a \u2581\u2581\u2581", 0);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->begin, 2u);
  EXPECT_EQ(match->end, 8u);
  EXPECT_EQ(match->id, 9);
}

// Against the definition, spelled out: at each place the longest entry that is a prefix of the rest.
TEST(SpecialTokens, AgreesWithTheDefinitionOnRandomSets) {
  std::mt19937 random(7);
  const auto letters = [&](size_t n) {
    std::string s;
    for (size_t k = 0; k < n; ++k) s += "ab\xFF"[random() % 3];
    return s;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<SpecialTokens::Entry> entries;
    for (int32_t id = 0; id < 8; ++id) {
      const std::string spelling = letters(1 + random() % 5);
      const bool known = std::any_of(entries.begin(), entries.end(), [&](auto& e) { return e.spelling == spelling; });
      if (!known) entries.push_back({spelling, id});
    }
    const std::string text = letters(60);
    std::vector<int32_t> expected;
    for (size_t pos = 0; pos < text.size();) {
      const SpecialTokens::Entry* longest = nullptr;
      for (const auto& entry : entries) {
        const bool matches = text.compare(pos, entry.spelling.size(), entry.spelling) == 0;
        if (matches && (!longest || entry.spelling.size() > longest->spelling.size())) longest = &entry;
      }
      if (longest) expected.push_back(longest->id);
      pos += longest ? longest->spelling.size() : 1;
    }
    EXPECT_EQ(ids(SpecialTokens(entries), text), expected);
  }
}

}  // namespace
}  // namespace tidemill
