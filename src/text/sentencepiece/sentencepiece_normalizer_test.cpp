// Against the reference: tests/text/test_sentencepiece_model.py.
#include "text/sentencepiece/sentencepiece_normalizer.h"

#include <gtest/gtest.h>

#include <random>

#include "text/sentencepiece/charsmap_test.h"
#include "text/unicode/code_points.h"

namespace tidemill {
namespace {

const std::map<std::string, std::string> kRules = {
    {"\t", " "},           {"\n", " "},        {"ﬁ", "fi"},       {"e\u0301", "é"}, {"é\u0323", "ẹ́"}, {"…", "..."},
    {"\u00AD", ""},        {"가\u11A8", "각"}, {"中", "Z"},       {" \u0308", "¨"}, {"\u3000", "  "}, {"😀", ":)"},
    {"\u0430\u0306", "й"}, {"Q", "q"},         {"xy\u0301", "!"}, {"\u00A0", " "},  {"\uFF21", "A"}};

// What each place becomes by the definition, without white space rules.
std::string plainly_normalized(const Charsmap& map, std::string_view text) {
  std::string result;
  for (size_t pos = 0; pos < text.size();) {
    const Charsmap::Rule rule = map.longest(text.substr(pos));
    const size_t size = rule.n_bytes > 0 ? rule.n_bytes : utf8_size(text[pos]);
    result += rule.n_bytes > 0 ? rule.replacement : text.substr(pos, size);
    pos += size;
  }
  return result;
}

std::string random_text(std::mt19937& random) {
  constexpr std::string_view kParts[] = {
      "a",      "e",      "xy",           "Q",      " ",        " ",     "  ",   "\t",     "\n",
      "\u0301", "\u0323", "\u0308",       "\u11A8", "\u0306",   "é",     "ﬁ",    "…",      "\u00AD",
      "가",     "각",     "中",           "文",     "\u3000",   "😀",    "😁",   "\u0430", "\uFF21",
      "\u00A0", "и",      "longer words", "<s>",    "12345678", "word ", "\x7F", "ÿ",      "߿"};
  std::string text;
  const size_t n = random() % 4 == 0 ? 3000 : random() % 30;
  for (size_t k = 0; k < n; ++k) text += kParts[random() % std::size(kParts)];
  return text;
}

TEST(SentencePieceNormalizer, PassesOnlyWhatStays) {
  const std::string blob = make_charsmap_blob(kRules);
  const WhitespaceRules none{.add_dummy_prefix = false, .remove_extra_whitespaces = false, .escape_whitespaces = false};
  const auto normalizer = make_sentencepiece_normalizer(Charsmap(blob, "map"), none, {});
  const Charsmap map(blob, "map");
  std::mt19937 random(5);
  for (int round = 0; round < 500; ++round) {
    const std::string text = random_text(random);
    NormalizedText normalized(text, NormalizedText::Track::no);
    normalizer->apply(normalized);
    ASSERT_EQ(normalized.text(), plainly_normalized(map, text)) << text;
  }
}

TEST(SentencePieceNormalizer, GivesTheSameTextWithAndWithoutOrigins) {
  std::mt19937 random(6);
  const std::string blob = make_charsmap_blob(kRules);
  const std::vector<std::string_view> symbols = {"<s>", "中文", "word word"};
  for (int options = 0; options < 32; ++options) {
    const WhitespaceRules rules{.add_dummy_prefix = (options & 1) != 0,
                                .remove_extra_whitespaces = (options & 2) != 0,
                                .escape_whitespaces = (options & 4) != 0,
                                .as_suffix = (options & 8) != 0};
    const auto normalizer = make_sentencepiece_normalizer(Charsmap(blob, "map"), rules,
                                                          std::span(symbols).first(options < 16 ? 0 : symbols.size()));
    for (int round = 0; round < 30; ++round) {
      const std::string text = random_text(random);
      NormalizedText plain(text, NormalizedText::Track::no);
      NormalizedText tracked(text, NormalizedText::Track::origins);
      normalizer->apply(plain);
      normalizer->apply(tracked);
      ASSERT_EQ(plain.text(), tracked.text()) << text;
    }
  }
}

}  // namespace
}  // namespace tidemill
