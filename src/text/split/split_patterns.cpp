#include "text/split/split_patterns.h"

#include <algorithm>
#include <span>

#include "text/split/split_masks.h"

namespace tidemill {
namespace {

template <typename Rules>
class PatternSplitter final : public Splitter {
 public:
  explicit constexpr PatternSplitter(Rules rules = {}) : rules_(rules) {}

  size_t split(std::string_view text, size_t from, size_t max_pieces, std::vector<ByteRange>& pieces) const override {
    return split_by_masks(rules_, text, from, max_pieces, pieces);
  }

 private:
  Rules rules_;
};

const PatternSplitter<Gpt2Rules> kGpt2;
const PatternSplitter<Cl100kRules> kCl100k({.max_digits = 3, .whole_end = true});
const PatternSplitter<Cl100kRules> kLlama3({.max_digits = 3});
const PatternSplitter<Cl100kRules> kQwen2({.max_digits = 1});
const PatternSplitter<Cl100kRules> kQwen35({.max_digits = 1, .marks_join = true});
const PatternSplitter<O200kRules> kO200k({.max_digits = 3, .contractions = true});
const PatternSplitter<Gpt2Rules> kStarCoder({.single_numbers = true});
const PatternSplitter<DeepSeekRules> kDeepSeek3;
const PatternSplitter<FalconRules> kFalcon;
const PatternSplitter<O200kRules> kTekken({.max_digits = 1, .contractions = false});

struct Named {
  std::string_view name;
  const Splitter* splitter;
};

constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Patterns as tokenizer.json files and tiktoken 0.14.0 spell them.
const Named kPatterns[] = {
    {kGpt2Pattern, &kGpt2},
    {R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", &kGpt2},
    {R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s)", &kGpt2},
    {R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|)"
     R"(\s+(?!\S)|\s)",
     &kCl100k},
    // The same as Hugging Face's tokenizers read it (text/readers/tiktoken.cpp).
    {R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++\z|\s*[\r\n]|)"
     R"(\s+(?!\S)|\s)",
     &kCl100k},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
     R"(\s+(?!\S)|\s+)",
     &kLlama3},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
     R"(\s+(?!\S)|\s+)",
     &kQwen2},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)"
     R"(\s*[\r\n]+|\s+(?!\S)|\s+)",
     &kQwen35},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
     R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     &kO200k},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
     R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     &kTekken},
};

constexpr std::string_view kStarCoderPatterns[] = {R"(\p{N})", kGpt2Pattern};
constexpr std::string_view kFalconPatterns[] = {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2Pattern, "[0-9][0-9][0-9]"};
constexpr std::string_view kDeepSeek3Patterns[] = {
    R"(\p{N}{1,3})", "[一-龥\u3040-ゟ゠-ヿ]+",
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)"};

struct NamedSequence {
  std::span<const std::string_view> patterns;
  const Splitter* splitter;
};
const NamedSequence kSequences[] = {
    {kStarCoderPatterns, &kStarCoder}, {kFalconPatterns, &kFalcon}, {kDeepSeek3Patterns, &kDeepSeek3}};

const Named kNames[] = {
    {"gpt2", &kGpt2},           {"r50k_base", &kGpt2},   {"p50k_base", &kGpt2},      {"p50k_edit", &kGpt2},
    {"cl100k_base", &kCl100k},  {"o200k_base", &kO200k}, {"llama3", &kLlama3},       {"qwen2", &kQwen2},
    {"qwen3.5", &kQwen35},      {"tekken", &kTekken},    {"o200k_harmony", &kO200k}, {"starcoder", &kStarCoder},
    {"deepseek3", &kDeepSeek3}, {"falcon", &kFalcon},
};

const Splitter* find(std::span<const Named> table, std::string_view name) {
  for (const Named& row : table) {
    if (row.name == name) return row.splitter;
  }
  return nullptr;
}

}  // namespace

const Splitter* find_split_pattern(std::string_view pattern) {
  return find(kPatterns, pattern);
}
PatternSequence find_split_patterns(std::span<const std::string_view> patterns) {
  for (const NamedSequence& row : kSequences) {
    const size_t n = row.patterns.size();
    if (patterns.size() >= n && std::equal(row.patterns.begin(), row.patterns.end(), patterns.begin())) {
      return {row.splitter, n};
    }
  }
  return {};
}
const Splitter* find_split_name(std::string_view name) {
  return find(kNames, name);
}

}  // namespace tidemill
