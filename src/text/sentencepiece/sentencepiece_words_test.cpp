// Words that are looked up as they stand in a text, against the way of the whole text through the normalizer, which
// spans ask for.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "text/sentencepiece/charsmap_test.h"
#include "text/sentencepiece/sentencepiece_model.h"
#include "text/sentencepiece/sentencepiece_normalizer.h"
#include "text/sentencepiece/sentencepiece_test.h"

namespace tidemill {
namespace {

const std::map<std::string, std::string> kRules = {{"\t", " "},      {"\n", " "},  {"\r", " "},    {"\u3000", " "},
                                                   {"ﬁ", "fi"},      {"…", "..."}, {"\u00AD", ""}, {"¨", " \u0308"},
                                                   {"a\u0301", "á"}, {"Q", "q"},   {"\u200B", " "}};

std::string random_text(std::mt19937& random, size_t n) {
  constexpr std::string_view kParts[] = {"a",      "b",   "c",  "aa",      "ab", " ",      " ",      "  ",     "\t",
                                         "\n",     "\r",  "á",  "a\u0301", "ﬁ",  "…",      "\u3000", "\u00AD", "¨",
                                         "\u0301", "Q",   "x",  "é",       "中", "文",     "b ",     " a",     " ab",
                                         "\u200B", "<u>", "か", "가",      "각", "\u3099", "\u11A8", "😀"};
  std::string text;
  for (size_t k = 0; k < n; ++k) text += kParts[random() % std::size(kParts)];
  return text;
}

std::unique_ptr<const Normalizer> normalizer(std::map<std::string, std::string> rules,
                                             std::vector<std::string_view> symbols = {}, WhitespaceRules spaces = {}) {
  return make_sentencepiece_normalizer(Charsmap(make_charsmap_blob(rules), "map"), spaces, symbols);
}

TEST(SentencePieceWords, BecomeTogetherWhatTheTextBecomes) {
  std::mt19937 random(3);
  const auto all = normalizer(kRules, {"<u>", "aax"});
  ASSERT_NE(all->by_words(), nullptr);
  for (int round = 0; round < 3000; ++round) {
    const std::string text = random_text(random, random() % 20);
    NormalizedText whole(text, NormalizedText::Track::no);
    all->apply(whole);
    std::string words;
    for (size_t begin = 0, end; begin < text.size(); begin = end + 1) {
      end = std::min(text.find_first_of(kWordSpaces, begin), text.size());
      const std::string_view word = std::string_view(text).substr(begin, end - begin);
      ASSERT_TRUE(word.empty() || all->by_words()->append_word(word, words));
    }
    ASSERT_EQ(words, whole.text()) << text;
  }
}

TEST(SentencePieceWords, DoNotStandAloneWhereSomethingReachesAcrossSpaces) {
  const auto stand_alone = [](auto&&... how) { return normalizer(how...)->by_words() != nullptr; };
  const auto with = [](const std::string& text, const std::string& replacement) {
    auto rules = kRules;
    rules[text] = replacement;
    return rules;
  };
  const std::vector<std::string_view> none;
  EXPECT_TRUE(stand_alone(kRules));
  EXPECT_TRUE(stand_alone(with("a\u0308", "ä")));
  for (const char* const across : {" ", " \u0308", "a b", "\t\u0301", "\r\n"})
    EXPECT_FALSE(stand_alone(with(across, "x")));
  EXPECT_FALSE(stand_alone(with("_", "\u2581")));
  EXPECT_FALSE(stand_alone(with("\n", "x")));
  EXPECT_FALSE(stand_alone(std::map<std::string, std::string>()));
  EXPECT_FALSE(stand_alone(kRules, std::vector<std::string_view>{"a b"}));
  EXPECT_FALSE(stand_alone(kRules, none, WhitespaceRules{.add_dummy_prefix = false}));
  EXPECT_FALSE(stand_alone(kRules, none, WhitespaceRules{.remove_extra_whitespaces = false}));
  EXPECT_FALSE(stand_alone(kRules, none, WhitespaceRules{.escape_whitespaces = false}));
  EXPECT_FALSE(stand_alone(kRules, none, WhitespaceRules{.as_suffix = true}));
  std::string out;
  EXPECT_FALSE(normalizer(kRules)->by_words()->append_word("a\u2581", out));
}

ModelFile random_vocabulary(std::mt19937& random, bool byte_fallback) {
  ModelFile file;
  file.normalizer = bytes_field(2, make_charsmap_blob(kRules));
  std::set<std::string> tokens = {"\u2581", "a", "b", "\u2581a", "f", "i", "."};
  while (tokens.size() < 60) {
    std::string token = random() % 3 == 0 ? "\u2581" : "";
    for (size_t n = 1 + random() % 4; n > 0; --n) token += static_cast<char>('a' + random() % 3);
    tokens.insert(token);
  }
  tokens.insert({"á", "中文", "\u0301b"});
  // Sums of such scores tie, or nearly do.
  for (const std::string& token : tokens) file.add(token, -0.1F * static_cast<float>(1 + random() % 60));
  file.add("<u>", 0, TokenType::user_defined);
  if (!byte_fallback) return file;
  file.trainer = number_field(35, 1);
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (int byte = 0; byte < 256; ++byte) {
    file.add(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">", 0, TokenType::byte);
  }
  return file;
}

TEST(SentencePieceWords, BecomeTheIdsOfTheWholeText) {
  for (uint32_t seed = 0; seed < 24; ++seed) {
    std::mt19937 random(seed);
    const ModelFile file = random_vocabulary(random, seed % 2 == 0);
    const size_t cache_bytes = seed % 3 == 0 ? 0 : size_t{1} << 20;
    const auto tokenizer = make_sentencepiece_tokenizer(file.bytes(), "test.model", {}, {.cache_bytes = cache_bytes});
    std::vector<std::string> texts = {random_text(random, 60000), "a\u2581 b", std::string(3000, 'a') + " " + "中文b"};
    for (int k = 0; k < 50; ++k) texts.push_back(random_text(random, 40));
    texts.push_back(texts[0]);
    for (const std::string& text : texts) {
      std::vector<TokenSpan> spans;
      ASSERT_EQ(tokenizer->encode(text), tokenizer->encode(text, {}, &spans)) << seed << ' ' << text.substr(0, 200);
    }
  }
}

// Long enough for sums to begin anew several times, at places that parts cannot know.
TEST(SentencePieceWords, BecomeTheIdsOfTheWholeTextInParts) {
  for (uint32_t seed = 0; seed < 3; ++seed) {
    std::mt19937 random(100 + seed);
    const ModelFile file = random_vocabulary(random, seed % 2 == 0);
    const size_t cache_bytes = seed % 3 == 0 ? 0 : size_t{1} << 20;
    const SentencePieceAdditions additions{.add_bos = seed < 2, .add_eos = seed < 1};
    const auto tokenizer =
        make_sentencepiece_tokenizer(file.bytes(), "test.model", additions, {.cache_bytes = cache_bytes});
    const std::string text = random_text(random, 250'000);
    const std::vector<std::string> texts = {text, text + " a\u2581 b " + text, text + "\xFF " + text, text + " "};
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    const auto parts = tokenizer->encode_batch(views, {}, 3);
    for (size_t k = 0; k < texts.size(); ++k) ASSERT_TRUE(parts[k] == tokenizer->encode(texts[k])) << seed << ' ' << k;
  }
}

}  // namespace
}  // namespace tidemill
