#include "grammar/token_grammar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "grammar/gbnf.h"
#include "grammar/json_schema.h"
#include "grammar/words_for_test.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill::grammar {
namespace {

std::shared_ptr<TokenGrammar> gbnf(const std::string& text, const WordTokenizer& tokenizer) {
  Rules rules;
  const RuleId root = read_gbnf(text, rules);
  return std::make_shared<TokenGrammar>(compile(rules, root), std::make_shared<const Vocabulary>(tokenizer));
}

std::shared_ptr<TokenGrammar> schema(const std::string& text, const WordTokenizer& tokenizer) {
  Rules rules;
  const RuleId root = read_json_schema(text, rules);
  return std::make_shared<TokenGrammar>(compile(rules, root), std::make_shared<const Vocabulary>(tokenizer));
}

// The tokens that may follow, by their text.
std::vector<std::string> allowed(TokenGrammar& grammar, const WordTokenizer& tokenizer, TokenState& state) {
  const auto mask = grammar.mask(state);
  std::vector<std::string> words;
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    EXPECT_EQ(mask->allows(id), grammar.allows(state, id)) << tokenizer.token_name(id);
    if (mask->allows(id)) words.push_back(std::string(tokenizer.token_name(id)));
  }
  return words;
}

using Words = std::vector<std::string>;

TEST(TokenGrammar, AllowsTokensThatSomeTextBeginsWith) {
  const WordTokenizer tokenizer({"y", "ye", "yes", "yesno", "no", "s", "", "e"});
  const auto grammar = gbnf("root ::= \"yes\" | \"no\"", tokenizer);
  TokenState state = grammar->start();
  EXPECT_EQ(allowed(*grammar, tokenizer, state), (Words{"y", "ye", "yes", "no"}));
  EXPECT_FALSE(grammar->may_end(state));
  grammar->accept(state, 1);
  EXPECT_EQ(allowed(*grammar, tokenizer, state), (Words{"s"}));
  grammar->accept(state, 5);
  EXPECT_TRUE(grammar->may_end(state));
  EXPECT_TRUE(grammar->must_end(state));
  EXPECT_TRUE(allowed(*grammar, tokenizer, state).empty());
  EXPECT_TRUE(grammar->mask(state)->may_end());
  EXPECT_THROW(grammar->accept(state, 0), Error);
}

TEST(TokenGrammar, SpecialTokensAreNeverText) {
  const WordTokenizer tokenizer({"a", "<s>", "</s>"}, {1, 2}, {2});
  const auto grammar = gbnf("root ::= .*", tokenizer);
  TokenState state = grammar->start();
  EXPECT_EQ(allowed(*grammar, tokenizer, state), (Words{"a"}));
}

TEST(TokenGrammar, CharactersMayBeCutBetweenTokens) {
  const WordTokenizer tokenizer({"\xE2", "\x82", "\xAC", "\xE2\x82", "\x82\xAC", "\xE2\x82\xAC", "\xAC\"", "\""});
  const auto grammar = gbnf("root ::= \"\\\"\" [\\u20AC]* \"\\\"\"", tokenizer);
  TokenState state = grammar->start();
  grammar->accept(state, 7);
  EXPECT_EQ(allowed(*grammar, tokenizer, state), (Words{"\xE2", "\xE2\x82", "\xE2\x82\xAC", "\""}));
  grammar->accept(state, 0);
  EXPECT_EQ(allowed(*grammar, tokenizer, state), (Words{"\x82", "\x82\xAC"}));
  grammar->accept(state, 1);
  EXPECT_EQ(allowed(*grammar, tokenizer, state), (Words{"\xAC", "\xAC\""}));
}

TEST(TokenGrammar, SeveralTokensMayHaveOneText) {
  const WordTokenizer tokenizer({"a", "b", "a", "a"});
  const auto grammar = gbnf("root ::= \"a\"", tokenizer);
  TokenState state = grammar->start();
  const auto mask = grammar->mask(state);
  EXPECT_TRUE(mask->allows(0) && mask->allows(2) && mask->allows(3) && !mask->allows(1));
}

TEST(TokenGrammar, ScoresOfOtherTokensBecomeMinusInfinity) {
  const WordTokenizer tokenizer({"a", "b", "</s>"}, {2}, {2});
  const auto grammar = gbnf("root ::= \"a\"*", tokenizer);
  TokenState state = grammar->start();
  std::vector<float> masked;
  const std::vector<float> scores = {1, 2, 3, 4};  // one more than there are tokens
  grammar->mask(state)->apply(scores, true, masked);
  EXPECT_EQ(masked, (std::vector<float>{1, -HUGE_VALF, 3, -HUGE_VALF}));
  grammar->mask(state)->apply(scores, false, masked);
  EXPECT_EQ(masked, (std::vector<float>{1, -HUGE_VALF, -HUGE_VALF, -HUGE_VALF}));
}

// Words of all kinds: the shared lists of plain text, counted characters and what has to be walked must agree with
// trying every token.
WordTokenizer many_words() {
  std::vector<std::string> words;
  for (int byte = 0; byte < 256; ++byte) words.push_back(std::string(1, static_cast<char>(byte)));
  const std::vector<std::string> parts = {
      "a", "bc", "0", " ", "\"", "\\", "\n", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", ":", ",", "}", "]", "-"};
  std::mt19937 random(7);
  for (int k = 0; k < 3000; ++k) {
    std::string word;
    for (size_t n = 1 + random() % 6; n-- > 0;) word += parts[std::min<size_t>(random() % 30, 14) % 15];
    words.push_back(word);
  }
  words.push_back(std::string(40, 'a'));
  words.push_back(std::string(300, 'a'));
  return WordTokenizer(std::move(words));
}

class Masks : public ::testing::TestWithParam<const char*> {};

TEST_P(Masks, AgreeWithTryingEveryTokenAlongRandomTexts) {
  const WordTokenizer tokenizer = many_words();
  const std::string source = GetParam();
  const auto grammar = source.starts_with('{') ? schema(source, tokenizer) : gbnf(source, tokenizer);
  std::mt19937 random(11);
  for (int walk = 0; walk < 3; ++walk) {
    TokenState state = grammar->start();
    std::string text;
    for (int step = 0; step < 40 && !grammar->must_end(state); ++step) {
      const auto mask = grammar->mask(state);
      std::vector<int32_t> ids;
      for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
        ASSERT_EQ(mask->allows(id), grammar->allows(state, id)) << text << " + " << tokenizer.token_name(id);
        if (mask->allows(id)) ids.push_back(id);
      }
      ASSERT_EQ(mask->may_end(), grammar->may_end(state));
      ASSERT_FALSE(ids.empty()) << text;
      const int32_t id = ids[random() % ids.size()];
      text += tokenizer.token_name(id);
      grammar->accept(state, id);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Grammars, Masks,
    ::testing::Values(
        "root ::= .*", "root ::= [^\"\\\\\\n]*", "root ::= [^\"]{0,9} \"\\\"\"", "root ::= [a-z ]+ \":\" [0-9]{2,70}",
        "root ::= ([^\"\\\\\\x00-\\x1f\\x7f]{3,200} \":\")*", "root ::= (\"a\" [^\"\\\\\\x00-\\x1f]){5,90} \"!\"",
        R"({"type": "object"})", R"({"type": "string", "maxLength": 12})",
        R"({"type": "array", "items": {"type": "string", "minLength": 2, "maxLength": 100}, "maxItems": 90})",
        R"({"type": "object", "properties": {"a": {"type": "integer"}, "bc": {}}, "additionalProperties": true})"));

TEST(TokenGrammar, AStateOutlivesTheStatesOfItsAutomaton) {
  const WordTokenizer tokenizer = many_words();
  const auto grammar = gbnf("root ::= ([a-b]{1,100000} \"0\"){1,100000}", tokenizer);
  TokenState first = grammar->start();
  grammar->accept(first, 'a');
  for (int turn = 0; turn < 40; ++turn) {
    TokenState other = grammar->start();
    for (int k = 0; k < 2000; ++k) grammar->accept(other, k % 7 == 1 + turn % 6 ? '0' : 'a');
    grammar->accept(other, 'b');
    EXPECT_LT(grammar->size_bytes(), size_t{48} << 20);
  }
  grammar->accept(first, '0');
  EXPECT_TRUE(grammar->may_end(first));
}

TEST(TokenGrammar, ALongStringSharesItsMasks) {
  const WordTokenizer tokenizer = many_words();
  const auto grammar = schema(R"({"type": "string", "maxLength": 100000})", tokenizer);
  TokenState state = grammar->start();
  grammar->accept(state, '"');
  const auto mask = grammar->mask(state);
  for (int k = 0; k < 100; ++k) grammar->accept(state, 'a');
  EXPECT_EQ(grammar->mask(state), mask);
}

}  // namespace
}  // namespace tidemill::grammar
