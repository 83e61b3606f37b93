#include "text/unigram/unigram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <type_traits>

#include "text/pieces/byte_tokens.h"
#include "text/pieces/piece_model_test.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

struct OwnedVocab {
  std::vector<std::string> tokens;
  UnigramVocab vocab;

  void add(const std::string& token, double score, TokenType type = TokenType::normal) {
    tokens.push_back(token);
    vocab.scores.push_back(score);
    vocab.types.push_back(type);
  }
  void add_bytes() {
    for (size_t byte = 0; byte < 256; ++byte) add(byte_token_name(byte), 0, TokenType::byte);
    vocab.byte_fallback = true;
  }
  std::unique_ptr<PieceModel> model(UnigramRules rules) {
    vocab.tokens.assign(tokens.begin(), tokens.end());
    return make_unigram(vocab, rules, "test");
  }
};

OwnedVocab little() {
  OwnedVocab v;
  v.add("<unk>", 0, TokenType::unknown);
  v.vocab.unknown = 0;
  v.add("a", -3);
  v.add("b", -3);
  v.add("ab", -5);
  v.add("abc", -5.5);
  v.add("ä", -4);
  return v;
}

TEST(Unigram, TakesTheBestSum) {
  OwnedVocab v = little();
  for (const UnigramRules rules : {UnigramRules::hugging_face, UnigramRules::sentencepiece}) {
    const auto model = v.model(rules);
    EXPECT_EQ(tokens_of(*model, "abc"), "abc:0-3");
    EXPECT_EQ(tokens_of(*model, "abab"), "ab:0-2 ab:2-4");
    EXPECT_EQ(tokens_of(*model, "ba"), "b:0-1 a:1-2");
    EXPECT_EQ(tokens_of(*model, "aäb"), "a:0-1 ä:1-3 b:3-4");
  }
}

TEST(Unigram, JoinsUnknownNeighbours) {
  OwnedVocab v = little();
  for (const UnigramRules rules : {UnigramRules::hugging_face, UnigramRules::sentencepiece}) {
    EXPECT_EQ(tokens_of(*v.model(rules), "xéayz"), "<unk>:0-3 a:3-4 <unk>:4-6");
  }
}

TEST(Unigram, FallsBackToBytes) {
  OwnedVocab v = little();
  v.add_bytes();
  EXPECT_EQ(tokens_of(*v.model(UnigramRules::hugging_face), "xé"), "<0x78>:0-3 <0xC3>:0-3 <0xA9>:0-3");
  EXPECT_EQ(tokens_of(*v.model(UnigramRules::sentencepiece), "xé"), "<0x78>:0-1 <0xC3>:1-2 <0xA9>:1-3");
}

TEST(Unigram, BytesNeedAllOfARun) {
  OwnedVocab v = little();
  v.add("<0x78>", 0);
  v.vocab.byte_fallback = true;
  const auto model = v.model(UnigramRules::hugging_face);
  EXPECT_EQ(tokens_of(*model, "xx"), "<0x78>:0-2 <0x78>:0-2");
  EXPECT_EQ(tokens_of(*model, "xy"), "<unk>:0-2");
}

TEST(Unigram, OnlySentencePieceHidesSpecialTokens) {
  OwnedVocab v = little();
  v.add("</s>", 0, TokenType::control);
  EXPECT_EQ(tokens_of(*v.model(UnigramRules::hugging_face), "a</s>"), "a:0-1 </s>:1-5");
  EXPECT_EQ(tokens_of(*v.model(UnigramRules::sentencepiece), "a</s>"), "a:0-1 <unk>:1-5");
  EXPECT_EQ(v.model(UnigramRules::sentencepiece)->token_id("</s>"), 6);
}

TEST(Unigram, UserDefinedTokensAreTakenWhole) {
  OwnedVocab v = little();
  v.add("ba", 0, TokenType::user_defined);
  v.add("bab", -1);
  EXPECT_EQ(tokens_of(*v.model(UnigramRules::sentencepiece), "bab"), "bab:0-3");
  EXPECT_EQ(tokens_of(*v.model(UnigramRules::sentencepiece), "aba"), "a:0-1 ba:1-3");
}

TEST(Unigram, TiesGoToTheFirstFound) {
  OwnedVocab v;
  v.add("<unk>", 0, TokenType::unknown);
  v.vocab.unknown = 0;
  v.add("a", -1);
  v.add("aa", -2);
  EXPECT_EQ(tokens_of(*v.model(UnigramRules::hugging_face), "aa"), "aa:0-2");
  EXPECT_EQ(tokens_of(*v.model(UnigramRules::hugging_face), "aaa"), "a:0-1 aa:1-3");
}

TEST(Unigram, RoundsAsTheReferenceDoes) {
  OwnedVocab v;
  v.add("<unk>", 0, TokenType::unknown);
  v.vocab.unknown = 0;
  v.add("b", -65536);  // in single precision the next lower number is 1/128 less
  v.add("a", -0.9995);
  v.add("aa", -2);
  EXPECT_EQ(tokens_of(*v.model(UnigramRules::hugging_face), "baa"), "b:0-1 a:1-2 a:2-3");
  EXPECT_EQ(tokens_of(*v.model(UnigramRules::sentencepiece), "baa"), "b:0-1 aa:1-3");
}

TEST(Unigram, SumsAnewWhereTheReferenceDoes) {
  OwnedVocab v;
  v.add("<unk>", 0, TokenType::unknown);
  v.vocab.unknown = 0;
  v.add("b", -131072);
  v.add("a", -0.9995);
  v.add("aa", -2);
  EXPECT_EQ(tokens_of(*v.model(UnigramRules::sentencepiece), "baa"), "b:0-1 a:1-2 a:2-3");
  v.vocab.scores[2] = -89585.8515625;  // a tie of "a" "aa" and "aa" "a", which summing anew undoes
  v.vocab.scores[3] = -178984.515625;
  EXPECT_EQ(tokens_of(*v.model(UnigramRules::hugging_face), "aaa"), "a:0-1 aa:1-3");
  EXPECT_EQ(tokens_of(*v.model(UnigramRules::sentencepiece), "aaa"), "aa:0-2 a:2-3");
}

TEST(Unigram, RefusesBadVocabularies) {
  const auto refused = [](auto&& change) {
    OwnedVocab v = little();
    change(v);
    EXPECT_THROW(v.model(UnigramRules::hugging_face), Error);
  };
  refused([](OwnedVocab& v) { v.vocab.scores.pop_back(); });
  refused([](OwnedVocab& v) { v.vocab.types.pop_back(); });
  refused([](OwnedVocab& v) { v.vocab.unknown = 6; });
  refused([](OwnedVocab& v) { v.vocab.unknown = -2; });
  refused([](OwnedVocab& v) { v.vocab.scores[1] = NAN; });
  refused([](OwnedVocab& v) { v.add("\xFF", 0); });
}

TEST(Unigram, WithoutAnUnknownTokenSaysSo) {
  OwnedVocab v;
  v.add("a", -1);
  EXPECT_EQ(tokens_of(*v.model(UnigramRules::hugging_face), "aa"), "a:0-1 a:1-2");
  EXPECT_THROW(tokens_of(*v.model(UnigramRules::hugging_face), "ab"), Error);
}

// All of Viterbi's table at once, as the references have it.  Characters that are no tokens are of ASCII.
template <typename Score>
std::vector<int32_t> whole_text_ids(const OwnedVocab& v, const std::string& text) {
  struct Best {
    Score score = 0;
    int32_t id = -1;
    size_t from = std::string::npos;
  };
  std::map<std::string, int32_t> ids_by_token;
  for (size_t id = 0; id < v.tokens.size(); ++id) ids_by_token[v.tokens[id]] = static_cast<int32_t>(id);
  const auto lowest = static_cast<Score>(*std::min_element(v.vocab.scores.begin() + 1, v.vocab.scores.end()));
  const Score unknown_score = std::is_same_v<Score, float> ? lowest - 10 : std::min(lowest, Score{0}) - 10;
  std::vector<Best> best(text.size() + 1);
  for (size_t pos = 0; pos < text.size(); ++pos) {
    const Score before = best[pos].score;
    if (std::is_same_v<Score, float> && std::abs(before) > 1e5f) {
      for (size_t place = pos; place <= text.size(); ++place) best[place].score -= before;
    }
    bool has_single = false;
    const auto offer = [&](size_t size, Score score, int32_t id) {
      Best& target = best[pos + size];
      if (target.from == std::string::npos || best[pos].score + score > target.score) {
        target = {best[pos].score + score, id, pos};
      }
      has_single |= size == 1;
    };
    for (size_t size = 1; size <= 8 && pos + size <= text.size(); ++size) {
      const auto found = ids_by_token.find(text.substr(pos, size));
      if (found != ids_by_token.end()) offer(size, static_cast<Score>(v.vocab.scores[found->second]), found->second);
    }
    if (!has_single) offer(1, unknown_score, 0);
  }
  std::vector<int32_t> ids;
  for (size_t end = text.size(); end > 0; end = best[end].from) ids.push_back(best[end].id);
  std::reverse(ids.begin(), ids.end());
  const auto same = [](int32_t a, int32_t b) { return a == 0 && b == 0; };
  ids.erase(std::unique(ids.begin(), ids.end(), same), ids.end());
  return ids;
}

TEST(Unigram, DecidesStretchByStretchAsAtOnce) {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    std::mt19937 random(seed);
    OwnedVocab v;
    v.add("<unk>", 0);
    v.vocab.unknown = 0;
    const auto any_text = [&](size_t size) {
      std::string text(size, 'a');
      for (char& c : text) c = static_cast<char>('a' + random() % (2 + seed % 3));
      return text;
    };
    for (int k = 0; k < 30; ++k) {
      const std::string token = any_text(1 + random() % 8);
      if (std::find(v.tokens.begin(), v.tokens.end(), token) == v.tokens.end()) {
        v.add(token, -static_cast<double>(random() % 10));
      }
    }
    const auto model = v.model(UnigramRules::hugging_face);
    for (const std::string& text : {any_text(20000), std::string(20000, 'a')}) {
      std::vector<int32_t> ids;
      const ByteRange piece{0, static_cast<uint32_t>(text.size())};
      model->encode(text, {&piece, 1}, *model->make_scratch(), {ids});
      ASSERT_EQ(ids, whole_text_ids<double>(v, text)) << seed;
    }
  }
}

// Words come back after other sums, where single precision may decide otherwise.
TEST(Unigram, RemembersWordsOnlyWhereRoundingCannotMatter) {
  for (uint32_t seed = 0; seed < 8; ++seed) {
    std::mt19937 random(seed);
    OwnedVocab v;
    v.add("<unk>", 0, TokenType::unknown);
    v.vocab.unknown = 0;
    const auto any_word = [&](size_t size) {
      std::string word;
      while (word.size() < size) word += static_cast<char>('a' + random() % 3);
      return word;
    };
    std::set<std::string> tokens{"a", "b", "\u2581", "\u2581a"};
    while (tokens.size() < 40) tokens.insert((random() % 3 == 0 ? "\u2581" : "") + any_word(1 + random() % 4));
    // Sums of such scores tie, or nearly do.
    for (const std::string& token : tokens)
      v.add(token, -0.1 * static_cast<double>(1 + random() % 60) * (1 + seed % 3));
    std::vector<std::string> words;
    for (int k = 0; k < 60; ++k) words.push_back(any_word(1 + random() % 9));
    std::string text;
    for (int k = 0; k < 15000; ++k) text += "\u2581" + words[random() % words.size()];
    const ByteRange piece{0, static_cast<uint32_t>(text.size())};
    std::vector<int32_t> ids;
    const auto model = v.model(UnigramRules::sentencepiece);
    model->encode(text, {&piece, 1}, *model->make_scratch(), {ids});
    ASSERT_EQ(ids, whole_text_ids<float>(v, text)) << seed;
    ids.clear();
    const auto double_model = v.model(UnigramRules::hugging_face);
    double_model->encode(text, {&piece, 1}, *double_model->make_scratch(), {ids});
    ASSERT_EQ(ids, whole_text_ids<double>(v, text)) << seed;
  }
}

}  // namespace
}  // namespace tidemill
