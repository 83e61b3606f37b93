// The way past the stages for words that came before, against the way through them, over texts that are nasty at the
// ends of words.  Against the references: tests/text.
#include "text/stages.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "text/normalizers/normalizers.h"
#include "text/pipeline.h"
#include "text/pre_tokenizers/pre_tokenizers.h"
#include "text/sentencepiece/charsmap.h"
#include "text/sentencepiece/charsmap_test.h"

namespace tidemill {
namespace {

// Shows its pieces: their bytes, and where each ends.
class BytesModel final : public PieceModel {
 public:
  static constexpr int32_t kEnd = 256;

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }
  void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch&, PieceTokens tokens) const override {
    for (size_t k = 0; k < pieces.size(); ++k) {
      for (uint32_t pos = pieces[k].begin; pos <= pieces[k].end; ++pos) {
        const bool at_end = pos == pieces[k].end;
        tokens.ids.push_back(at_end ? kEnd : static_cast<uint8_t>(text[pos]));
        if (tokens.ranges) tokens.ranges->push_back({pos, at_end ? pos : pos + 1});
        if (tokens.pieces) tokens.pieces->push_back(static_cast<uint32_t>(k));
      }
    }
  }
  int32_t vocab_size() const override { return kEnd + 1; }
  std::string_view token_name(int32_t) const override { return "byte"; }
  int32_t token_id(std::string_view) const override { return -1; }
};

using Random = std::mt19937;

bool coin(Random& random) {
  return random() % 2 == 0;
}

NormalizerPtr random_bert(Random& random) {
  BertOptions options{
      .clean_text = coin(random), .handle_chinese_chars = coin(random), .strip_accents = {}, .lowercase = coin(random)};
  if (coin(random)) options.strip_accents = coin(random);
  return make_bert_normalizer(options);
}

NormalizerPtr random_map(Random& random) {
  std::map<std::string, std::string> rules = {{"\u00A0", " "}, {"\u200B", " "}, {"ﬁ", "fi"}, {"\u0344", "\u0308\u0301"},
                                              {"\u0301", "!"}, {"\u00AD", ""},  {"Z", "z"},  {"e\u0301", "é"}};
  for (const char* space : {" ", "\t", "\n", "\r"}) {
    if (coin(random)) rules[space] = " ";
  }
  constexpr std::pair<const char*, const char*> kOdd[] = {
      {" \u0301", "´"}, {"\n", "N"}, {" ", ""}, {"\u0600", "x"}, {"\u0600 ", "y"}, {"\r\n", "R"}, {"\u200D", ""}};
  if (random() % 3 == 0) rules.insert(kOdd[random() % std::size(kOdd)]);
  return make_precompiled(make_charsmap_blob(rules), "map");
}

NormalizerPtr random_normalizer(Random& random) {
  switch (random() % 11) {
    case 0:
      return make_lowercase();
    case 1:
      return make_strip_accents();
    case 2:
      return make_nmt();
    case 3:
      return make_normal_form(static_cast<NormalForm>(random() % 4));
    case 4:
      return make_replace_string("a", coin(random) ? "\u0301" : "");
    case 5:
      return make_replace_string(coin(random) ? "``" : "a b", "\"");
    case 6:
      return make_strip({});
    case 7:
      return make_prepend("p");
    case 8:
      return random_bert(random);
    default:
      return random_map(random);
  }
}

NormalizerPtr random_normalizers(Random& random) {
  if (random() % 8 == 0) return nullptr;
  if (coin(random)) return coin(random) ? random_bert(random) : random_map(random);
  std::vector<NormalizerPtr> parts;
  for (size_t n = 1 + random() % 3; n > 0; --n) parts.push_back(random_normalizer(random));
  return make_normalizer_sequence(std::move(parts));
}

PreTokenizerPtr random_pre_tokenizer(Random& random) {
  std::vector<PreTokenizerPtr> parts;
  switch (random() % 5) {
    case 0:
      parts.push_back(make_whitespace());
      break;
    case 1:
      parts.push_back(make_whitespace_split());
      break;
    case 2:
      parts.push_back(make_char_delimiter_split(' '));
      break;
    default:
      parts.push_back(make_bert_pre_tokenizer());
  }
  switch (random() % 6) {
    case 0:
      parts.push_back(make_metaspace({.prepend = static_cast<PrependScheme>(random() % 3)}));
      break;
    case 1:
      parts.push_back(make_digits(DigitRuns::single_digits));
      break;
    case 2:
      parts.push_back(make_punctuation(SplitBehavior::merged_with_next));
      break;
    default:
      break;
  }
  return make_pre_tokenizer_sequence(std::move(parts));
}

std::vector<AddedToken> random_added_tokens(Random& random) {
  std::vector<AddedToken> tokens;
  for (const char* content : {"[S]", "Zz", "\u00E9t", "a b", "\u0301", "1 "}) {
    if (random() % 3 != 0) continue;
    tokens.push_back({.content = content,
                      .id = 300 + static_cast<int32_t>(tokens.size()),
                      .special = coin(random),
                      .normalized = coin(random),
                      .single_word = coin(random),
                      .lstrip = coin(random),
                      .rstrip = coin(random)});
  }
  return tokens;
}

std::string random_text(Random& random) {
  constexpr std::string_view kParts[] = {" ",         " ",
                                         " ",         "\n",
                                         "\t",        "\r\n",
                                         "\v",        "\f",
                                         "\u00A0",    "\u3000",
                                         "\u0085",    "\u2028",
                                         "a",         "Z",
                                         "Zz",        "tide",
                                         "Mill's",    "12",
                                         ".",         "``",
                                         "[S]",       "é",
                                         "ét",        "E\u0301t",
                                         "\u0301",    "\u0308\u0327",
                                         "\u0344",    "\u200D",
                                         "\u200B",    "\u0600",
                                         "\u0903",    "\u102B",
                                         "İ",         "ı",
                                         "Σ",         "ς",
                                         "ẞ",         "ﬁ",
                                         "½",         "¨",
                                         "中",        "文字",
                                         "カ\u3099",  "ﾞ",
                                         "한",        "\u1112\u1161",
                                         "\u11AB",    "👨\u200D👩",
                                         "🇩🇪",        "\0x",
                                         "\x01",      "\u00AD",
                                         "\uFEFF",    "\uFFFD",
                                         "\u2581",    "\xFF",
                                         "\xE4\xB8",  "a b",
                                         "word,word", "supercalifragilistic"};
  std::string text;
  for (size_t n = random() % 40; n > 0; --n) text += kParts[random() % std::size(kParts)];
  return text;
}

TEST(Stages, WordsThatAreRememberedAreWhatTheyAreInTheText) {
  Random random(7);
  size_t n_independent = 0;
  for (int round = 0; round < 600; ++round) {
    PipelineParts parts;
    parts.added_tokens = random_added_tokens(random);
    parts.normalizer = random_normalizers(random);
    parts.pre_tokenizer = random_pre_tokenizer(random);
    parts.model = std::make_unique<BytesModel>();
    const auto tokenizer = make_pipeline(std::move(parts), {});
    std::vector<std::string> texts;
    for (int k = 0; k < 25; ++k) texts.push_back(random_text(random));
    for (const SpecialText special_text : {SpecialText::parse, SpecialText::as_text, SpecialText::parse}) {
      const EncodeOptions options{.special_text = special_text};
      for (const std::string& text : texts) {
        ASSERT_EQ(tokenizer->encode(text, options), tokenizer->encode_full(text, options).ids) << round << ": " << text;
      }
    }
    n_independent += tokenizer->cache_statistics().hits > 0;
  }
  EXPECT_GT(n_independent, 100u);
  EXPECT_LT(n_independent, 500u);
}

TEST(Stages, CachesOfWordsKeepTheirLimit) {
  for (const size_t limit : {size_t{0}, size_t{100'000}}) {
    PipelineParts parts;
    parts.normalizer = make_bert_normalizer({});
    parts.pre_tokenizer = make_bert_pre_tokenizer();
    parts.model = std::make_unique<BytesModel>();
    const auto tokenizer = make_pipeline(std::move(parts), {.cache_bytes = limit});
    std::string text;
    for (int k = 0; k < 4000; ++k) text += std::string(static_cast<size_t>(k % 400), 'a') + std::to_string(k) + ' ';
    EXPECT_EQ(tokenizer->encode(text), tokenizer->encode_full(text).ids);
    // The limit holds from block to block.
    EXPECT_LE(tokenizer->cache_statistics().bytes, static_cast<int64_t>(limit + limit / 4));
    EXPECT_EQ(tokenizer->cache_statistics().misses > 0, limit > 0);
  }
}

}  // namespace
}  // namespace tidemill
