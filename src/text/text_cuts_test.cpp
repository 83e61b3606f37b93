// Texts in parts against the whole, over random texts that are dense in places where one may think of cutting.
#include "text/text_cuts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "text/pieces/byte_alphabet.h"
#include "text/readers/tokenizer_json.h"

namespace tidemill {
namespace {

using nlohmann::json;
using Ids = std::vector<int32_t>;
using Strings = std::vector<std::string>;

constexpr const char* kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr const char* kCl100k =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++\z|\s*[\r\n]|\s+(?!\S)|\s)";
constexpr const char* kQwen35 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kO200k =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

const Strings kAlphabet = {
    "a",      "Z",      "s",      "1",      "2",      " ",      " ",      " ",        "\n",         "\n",     "\r",
    "\t",     "'",      "/",      ".",      "\u00e9", "\u0416", "\u4e2d", "\u6587",   "\u3042",     "\u304c", "\ud55c",
    "\u3002", "\uff0c", "\uff01", "\u300d", "\u0301", "\u3099", "\u037a", "\u00b4",   "\u3000",     "\u00a0", "\u0663",
    "\u00bd", "\u0e33", "\uff9e", "\ufe70", "\u0958", "\u200d", "\xff",   "\xe4\xb8", "\U0001f600", "<s>",    "[x]"};

std::string random_text(std::mt19937& rng) {
  Strings symbols;
  for (size_t n = 2 + rng() % 7; n > 0; --n) symbols.push_back(kAlphabet[rng() % kAlphabet.size()]);
  std::string text;
  for (size_t n = 2 + rng() % 30; n > 0; --n) text += symbols[rng() % symbols.size()];
  return text;
}

json split(const char* pattern) {
  return {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
}
json byte_level(bool prefix, bool regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"trim_offsets", true}, {"use_regex", regex}};
}
json sequence(const char* list, const std::vector<json>& stages) {
  return {{"type", "Sequence"}, {list, stages}};
}

json token(const char* content, int32_t id, const char* flag = nullptr) {
  json added = {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"special", true}};
  if (flag != nullptr) added[flag] = true;
  return added;
}

// A vocabulary in which nearly any two neighbours of a piece are a token, so that ids tell where pieces end.
json pair_model(const Strings& symbols, const std::function<bool(const std::string&, const std::string&)>& may_join) {
  json vocab = json::object();
  Strings merges;
  for (const std::string& symbol : symbols) vocab[symbol] = vocab.size();
  for (const std::string& first : symbols) {
    for (const std::string& second : symbols) {
      if (!may_join(first, second)) continue;
      vocab[first + second] = vocab.size();
      merges.push_back(first + " " + second);
    }
  }
  std::shuffle(merges.begin(), merges.end(), std::mt19937(7));
  return {{"type", "BPE"}, {"vocab", vocab}, {"merges", merges}};
}

std::shared_ptr<const Tokenizer> make(const json& normalizer, const json& pre_tokenizer, const json& model,
                                      const std::vector<json>& added) {
  const json file = {{"version", "1.0"},         {"added_tokens", added},          {"normalizer", normalizer},
                     {"model", model},           {"pre_tokenizer", pre_tokenizer}, {"decoder", nullptr},
                     {"post_processor", nullptr}};
  const std::string text = file.dump();
  return build_tokenizer(read_tokenizer_json(text, "t.json"), {});
}

json byte_model() {
  Strings symbols;
  std::string bytes;
  for (const std::string& symbol : kAlphabet) bytes += symbol;
  for (int byte = 0; byte < 256; ++byte) symbols.emplace_back(byte_character(static_cast<uint8_t>(byte)));
  const auto is_used = [&](const std::string& symbol) {
    std::string byte;
    append_spelled_bytes(symbol, byte);
    return bytes.find(byte) != bytes.npos;
  };
  return pair_model(symbols, [&](const auto& first, const auto& second) { return is_used(first) && is_used(second); });
}

// U+2581 stands at the start of tokens only.
json space_symbol_model() {
  const Strings symbols = {"\u2581", "a", "Z", "s", "1", "2", ".", "\n", "\u4e2d", "'"};
  return pair_model(symbols, [](const auto& first, const auto& second) {
    return second != "\u2581" && (first != "\n" || second != "a");
  });
}

// Compares all ways to cut random texts with the whole; returns how many cuts were made.
size_t expect_parts_equal_wholes(const Tokenizer& tokenizer, int n_texts, uint32_t seed) {
  std::mt19937 rng(seed);
  size_t n_cuts = 0;
  for (int round = 0; round < n_texts; ++round) {
    const std::string text = random_text(rng);
    const Ids whole = tokenizer.encode(text);
    for (size_t n_parts = 2; n_parts <= text.size(); n_parts += 1 + n_parts / 4) {
      Ids ids;
      const auto parts = tokenizer.cut(text, n_parts);
      EXPECT_LE(parts.size(), n_parts);
      for (const std::string_view part : parts) tokenizer.append_ids(part, ids);
      n_cuts += parts.size() - 1;
      EXPECT_EQ(ids, whole) << testing::PrintToString(text) << " in " << n_parts;
      if (ids != whole) return n_cuts;
    }
  }
  return n_cuts;
}

TEST(TextCuts, ByteLevelInAnyNormalForm) {
  const json model = byte_model();
  const std::vector<json> pre_tokenizers = {
      byte_level(false, true),
      byte_level(true, true),
      sequence("pretokenizers", {split(kGpt2), byte_level(false, false)}),
      sequence("pretokenizers", {split(kCl100k), byte_level(false, false)}),
      sequence("pretokenizers", {split(kQwen35), byte_level(false, false)}),
      sequence("pretokenizers", {split(kO200k), byte_level(true, false)}),
      sequence("pretokenizers", {{{"type", "Digits"}, {"individual_digits", true}}, byte_level(false, true)}),
      sequence("pretokenizers", {{{"type", "Punctuation"}, {"behavior", "Contiguous"}}, byte_level(false, true)}),
      sequence("pretokenizers", {{{"type", "Whitespace"}}, byte_level(false, false)}),
      sequence("pretokenizers", {{{"type", "BertPreTokenizer"}}, byte_level(false, false)}),
  };
  std::vector<json> normalizers = {nullptr, {{"type", "NFC"}}, {{"type", "NFKC"}}, {{"type", "Lowercase"}}};
  for (const char* form : {"NFD", "NFKD"}) {
    normalizers.push_back(sequence("normalizers", {{{"type", form}}, {{"type", "StripAccents"}}}));
    normalizers.push_back({{"type", form}});
  }
  uint32_t seed = 1;
  for (const json& normalizer : normalizers) {
    for (const json& pre_tokenizer : pre_tokenizers) {
      SCOPED_TRACE(normalizer.dump() + pre_tokenizer.dump());
      const auto tokenizer = make(normalizer, pre_tokenizer, model, {token("<s>", 5000), token("[x]", 5001)});
      EXPECT_GT(expect_parts_equal_wholes(*tokenizer, 150, seed++), 100u);
    }
  }
}

TEST(TextCuts, AddedTokensThatLookAround) {
  const json model = byte_model();
  uint32_t seed = 1;
  for (const char* content : {"a", "a s", " a", "\n", "s\n", "\u4e2d\u3002", "\u3002", "\u3002s", " ", "a\n"}) {
    for (const char* flag : {"special", "lstrip", "rstrip", "single_word"}) {
      SCOPED_TRACE(std::string(content) + flag);
      const auto tokenizer = make(nullptr, sequence("pretokenizers", {split(kCl100k), byte_level(false, false)}), model,
                                  {token(content, 5000, flag)});
      expect_parts_equal_wholes(*tokenizer, 300, seed++);
    }
  }
}

TEST(TextCuts, SpacesThatBecomePrefixes) {
  const json model = space_symbol_model();
  const json prepend =
      sequence("normalizers", {{{"type", "Prepend"}, {"prepend", "\u2581"}},
                               {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}});
  const auto metaspace = [](const char* scheme) {
    return json{{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", scheme}, {"split", false}};
  };
  uint32_t seed = 1;
  for (const auto& [content, flag] : {std::pair{"<s>", "special"},
                                      {"<s>", "rstrip"},
                                      {"<s>", "lstrip"},
                                      {" ", "special"},
                                      {"a", "special"},
                                      {" a", "special"},
                                      {"a ", "special"},
                                      {"Z s", "normalized"}}) {
    SCOPED_TRACE(std::string(content) + flag);
    const std::vector<json> added = {token(content, 500, flag)};
    size_t n_cuts = expect_parts_equal_wholes(*make(prepend, nullptr, model, added), 700, seed++);
    for (const char* scheme : {"first", "always", "never"}) {
      n_cuts += expect_parts_equal_wholes(*make(nullptr, metaspace(scheme), model, added), 700, seed++);
    }
    if (seed == 5) {
      EXPECT_GT(n_cuts, 100u);
    }
  }
}

TEST(TextCuts, FindsPlacesInUnspacedText) {
  const TextCuts all{.word_ends = true, .spaces = true, .line_ends = true, .punctuation = true};
  const auto parts = [&](std::string_view text) { return cut_text(all, text, text.size()).size(); };
  EXPECT_EQ(parts("\u4e2d\u6587\u3002\u4e2d\u6587"), 2u);
  EXPECT_EQ(parts("\u4e2d\n\u6587"), 2u);
  EXPECT_EQ(parts("\u0416 \u0416"), 2u);
  EXPECT_EQ(parts("a b"), 2u);
  EXPECT_EQ(parts("a\n\nb"), 1u);
  EXPECT_EQ(parts("\xe4\xb8 b"), 1u);
  EXPECT_EQ(parts("aaaaaaa"), 1u);
  EXPECT_EQ(cut_text({}, "a b", 2).size(), 1u);
  EXPECT_EQ(cut_text(all, "", 3), std::vector<std::string_view>{""});
  const auto joined = cut_text({.joined_words = true}, "ab ab", 2);
  EXPECT_EQ(joined, (std::vector<std::string_view>{"ab", "ab"}));
}

}  // namespace
}  // namespace tidemill
