#include "text/bpe/bpe_merger.h"

#include <gtest/gtest.h>

#include <numeric>

namespace tidemill {
namespace {

using Role = BpeMerger::Role;

struct Token {
  std::string_view text;
  float score;
  Role role = Role::piece;
};

// The pieces of `word`, with what is no token in brackets.
std::string pieces_of(const std::vector<Token>& tokens, std::string_view word) {
  std::vector<std::string_view> texts;
  std::vector<float> scores;
  std::vector<Role> roles;
  for (const Token& token : tokens) {
    texts.push_back(token.text);
    scores.push_back(token.score);
    roles.push_back(token.role);
  }
  const TokenStrings strings(texts);
  const TokenIndex index(strings, "test");
  const BpeMerger merger(index, scores, roles);
  BpeMerger::Scratch scratch;
  std::string result;
  for (const BpeMerger::Piece& piece : merger.merge(word, scratch)) {
    const std::string text(word.substr(piece.begin, piece.end - piece.begin));
    if (piece.id >= 0) {
      EXPECT_EQ(text, strings[piece.id]);
    }
    result += (result.empty() ? "" : " ") + (piece.id < 0 ? "[" + text + "]" : text);
  }
  return result;
}

TEST(BpeMerger, MergesTheBestScoreFirst) {
  const std::vector<Token> tokens{{"a", 0}, {"b", 0}, {"c", 0}, {"ab", -2}, {"bc", -1}, {"abc", -3}};
  EXPECT_EQ(pieces_of(tokens, "abc"), "abc");
  EXPECT_EQ(pieces_of(tokens, "ab"), "ab");
  EXPECT_EQ(pieces_of(tokens, "abab"), "ab ab");
  EXPECT_EQ(pieces_of({{"a", 0}, {"b", 0}, {"c", 0}, {"ab", -2}, {"bc", -1}}, "abc"), "a bc");
  EXPECT_EQ(pieces_of(tokens, ""), "");
}

TEST(BpeMerger, TakesTheLeftmostOfEqualScores) {
  EXPECT_EQ(pieces_of({{"a", 0}, {"aa", -1}}, "aaaaa"), "aa aa a");
  EXPECT_EQ(pieces_of({{"a", 0}, {"b", 0}, {"ab", -0.0f}, {"ba", 0.0f}}, "aba"), "ab a");
  EXPECT_EQ(pieces_of({{"a", 0}, {"b", 0}, {"ab", 0.0f}, {"ba", -0.0f}}, "bab"), "ba b");
}

TEST(BpeMerger, OrdersScoresOfEverySignAndSize) {
  const float scores[] = {-std::numeric_limits<float>::infinity(), -1e30f, -2, -1, -1e-30f, 0, 1e-30f, 1, 2, 1e30f,
                          std::numeric_limits<float>::infinity()};
  for (size_t low = 0; low + 1 < std::size(scores); ++low) {
    EXPECT_EQ(pieces_of({{"a", 0}, {"ab", scores[low]}, {"ba", scores[low + 1]}}, "aba"), "a ba") << scores[low];
  }
}

TEST(BpeMerger, LeavesCharactersThatAreNoTokens) {
  EXPECT_EQ(pieces_of({{"a", 0}}, "aé😀a"), "a [é] [😀] a");
  // As in SentencePiece, a merge needs no tokens for its parts.
  EXPECT_EQ(pieces_of({{"é😀", 0}}, "aé😀a"), "[a] é😀 [a]");
}

TEST(BpeMerger, NeverMakesATokenWithoutRole) {
  EXPECT_EQ(pieces_of({{"a", 0}, {"b", 0, Role::none}, {"ab", 5, Role::none}}, "ab"), "a [b]");
}

TEST(BpeMerger, SplitsUnusedTokensAgain) {
  const std::vector<Token> tokens{
      {"a", 0}, {"b", 0}, {"c", 0}, {"ab", -1, Role::resplit}, {"abc", -2}, {"abab", -3, Role::resplit}};
  EXPECT_EQ(pieces_of(tokens, "abc"), "abc");       // a step on the way
  EXPECT_EQ(pieces_of(tokens, "ab"), "a b");        // left over
  EXPECT_EQ(pieces_of(tokens, "abab"), "a b a b");  // and its parts, too
  EXPECT_EQ(pieces_of({{"é", 0, Role::resplit}}, "é"), "é");
}

// A queue that were searched, or a merge that moved the rest, would take hours here; recursion would overflow the
// stack.
TEST(BpeMerger, StaysQuickOnAMillionEqualCharacters) {
  std::vector<std::string> storage;
  for (size_t n = 1; n <= 64; n *= 2) storage.emplace_back(n, 'a');
  std::vector<Token> tokens;
  for (const std::string& token : storage) tokens.push_back({token, -static_cast<float>(token.size())});
  const std::string result = pieces_of(tokens, std::string(1 << 20, 'a'));
  EXPECT_EQ(result.size(), ((1u << 20) / 64) * 65 - 1);
}

}  // namespace
}  // namespace tidemill
