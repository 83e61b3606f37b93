// The way past the stages against the way through them, which those take that ask for offsets.
#include "text/bpe/raw_reading.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "text/pieces/byte_tokens.h"

namespace tidemill {
namespace {

using nlohmann::json;

const json kReplace = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}};
const json kPrepend = {{"type", "Prepend"}, {"prepend", "▁"}};
const json kBoth = {{"type", "Sequence"}, {"normalizers", {kPrepend, kReplace}}};
const json kSplit = {
    {"type", "Split"}, {"pattern", {{"String", " "}}}, {"behavior", "MergedWithPrevious"}, {"invert", false}};

json metaspace(const char* scheme, bool split = false) {
  return {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", scheme}, {"split", split}};
}

AddedToken added(std::string content, bool special) {
  return {.content = std::move(content), .special = special, .normalized = false};
}

// A vocabulary with byte tokens, whose merges are random.
struct RandomVocab {
  explicit RandomVocab(std::mt19937& rng) {
    strings.push_back("<unk>");
    for (size_t byte = 0; byte < 256; ++byte) strings.push_back(byte_token_name(byte));
    const std::vector<std::string> symbols = {"▁", "a", "b", "c", "<", ">", "\n", "é", "中", "国"};
    strings.insert(strings.end(), symbols.begin(), symbols.end());
    const size_t first = strings.size() - symbols.size();
    for (int k = 0; k < 60; ++k) {
      const std::string left = strings[first + rng() % (strings.size() - first)];
      const std::string right = strings[first + rng() % (strings.size() - first)];
      if (std::find(strings.begin(), strings.end(), left + right) != strings.end()) continue;
      strings.push_back(left + right);
      merges.emplace_back(left, right);
    }
  }

  TokenizerDescription description() const {
    TokenizerDescription result;
    result.source = "test";
    result.model.names.assign(strings.begin(), strings.end());
    result.model.n_tokens = strings.size();
    for (const auto& [left, right] : merges) result.model.merges.emplace_back(left, right);
    result.model.unknown_token = "<unk>";
    result.model.fuse_unknown = true;
    result.model.byte_fallback = true;
    return result;
  }

  std::vector<std::string> strings;
  std::vector<std::pair<std::string, std::string>> merges;
};

std::string random_text(std::mt19937& rng) {
  static const std::vector<std::string> kParts = {" ",  "a",   "b",    "c",  "<",  ">",  "\n",  "é", "中",
                                                  "国", "<b>", "\n\n", "  ", "ab", "語", "<s>", "x", "😀"};
  std::string text;
  const size_t n = rng() % 4 == 0 ? rng() % 900 : rng() % 30;
  for (size_t k = 0; k < n; ++k) text += kParts[rng() % kParts.size()];
  if (rng() % 8 == 0) text.insert(0, "▁");
  if (rng() % 8 == 0) text += "▁ ▁▁";
  return text;
}

TEST(RawReading, GivesTheIdsOfTheStages) {
  std::mt19937 rng(3);
  for (int round = 0; round < 120; ++round) {
    const RandomVocab vocab(rng);
    TokenizerDescription description = vocab.description();
    const json& normalizer = round % 3 == 0 ? kBoth : round % 3 == 1 ? kReplace : json();
    static constexpr const char* kSchemes[] = {"always", "first", "never"};
    description.normalizer = normalizer;
    if (normalizer.is_null()) description.pre_tokenizer = metaspace(kSchemes[round / 3 % 3]);
    if (round % 6 == 1) description.pre_tokenizer = kSplit;
    if (round % 2 == 0) description.added_tokens = {added("<s>", true), added("<unk>", true)};
    if (round % 4 < 3) {
      for (const char* content : {"\n", "\n\n", "<b>", "▁▁", "b c"}) {
        if (rng() % 2 == 0) description.added_tokens.push_back(added(content, false));
      }
    }
    number_added_tokens(description);
    const auto tokenizer = build_tokenizer(std::move(description), {});
    for (int k = 0; k < 20; ++k) {
      const std::string text = random_text(rng);
      for (const SpecialText special : {SpecialText::parse, SpecialText::as_text}) {
        const EncodeOptions options{.special_text = special};
        ASSERT_EQ(tokenizer->encode(text, options), tokenizer->encode_full(text, options).ids) << round << ": " << text;
      }
    }
  }
}

TEST(RawReading, IsForSpacesThatBecomeU2581Only) {
  std::mt19937 rng(1);
  const RandomVocab vocab(rng);
  const auto prefix = [&](const json& normalizer, const json& pre_tokenizer) {
    TokenizerDescription description = vocab.description();
    description.normalizer = normalizer;
    description.pre_tokenizer = pre_tokenizer;
    const auto raw = take_raw_text(description);
    return raw ? std::optional(raw->prefix) : std::nullopt;
  };
  EXPECT_EQ(prefix(kBoth, nullptr), RawText::Prefix::always);
  EXPECT_EQ(prefix(kReplace, kSplit), RawText::Prefix::none);
  EXPECT_EQ(prefix(nullptr, metaspace("always")), RawText::Prefix::unless_there);
  EXPECT_EQ(prefix(nullptr, metaspace("first")), RawText::Prefix::at_start_unless_there);
  EXPECT_EQ(prefix(nullptr, metaspace("always", true)), std::nullopt);
  EXPECT_EQ(prefix(kReplace, metaspace("always")), std::nullopt);
  EXPECT_EQ(prefix(nullptr, nullptr), std::nullopt);
  json inverted = kSplit;
  inverted["invert"] = true;
  EXPECT_EQ(prefix(kReplace, inverted), std::nullopt);
  EXPECT_EQ(prefix({{"type", "Replace"}, {"pattern", {{"Regex", " "}}}, {"content", "▁"}}, nullptr), std::nullopt);
}

TEST(RawReading, LeavesTokensThatMeetOthersToTheStages) {
  const auto n_wholes = [](std::vector<AddedToken> tokens) { return take_wholes(tokens).size(); };
  EXPECT_EQ(n_wholes({added("\n", false), added("<b>", false), added("<s>", true)}), 2u);
  EXPECT_EQ(n_wholes({added("\n", false), added("▁▁", false)}), 1u);
  EXPECT_EQ(n_wholes({added("x<", false), added("<s>", true)}), 0u);  // one ends as the other begins
  EXPECT_EQ(n_wholes({added(">y", false), added("<s>", true)}), 0u);
  EXPECT_EQ(n_wholes({added("s", false), added("<s>", true)}), 0u);  // one within the other
  EXPECT_EQ(n_wholes({added("a<s>b", false), added("<s>", true)}), 0u);
  EXPECT_EQ(n_wholes({added("<s", false), added("<s>", true)}), 0u);  // both begin alike
  AddedToken strips = added("<t>", true);
  strips.lstrip = true;
  EXPECT_EQ(n_wholes({added("\n", false), strips}), 0u);
}

TEST(RawReading, DoesNotCutWhereByteTokensMerge) {
  std::mt19937 rng(2);
  RandomVocab vocab(rng);
  TokenizerDescription description = vocab.description();
  description.normalizer = kReplace;
  description.model.merges.emplace_back("<0x0D>", "<0x0D>");
  vocab.strings.push_back("<0x0D><0x0D>");
  description.model.names.assign(vocab.strings.begin(), vocab.strings.end());
  const auto tokenizer = build_tokenizer(std::move(description), {});
  const int32_t both = tokenizer->token_id("<0x0D><0x0D>");
  EXPECT_EQ(tokenizer->encode("\r\r\r", {}), (std::vector<int32_t>{both, tokenizer->token_id("<0x0D>")}));
}

}  // namespace
}  // namespace tidemill
