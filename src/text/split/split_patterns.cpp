#include "text/split/split_patterns.h"

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
const PatternSplitter<O200kRules> kTekken({.max_digits = 1, .contractions = false});

struct Named {
  std::string_view name;
  const Splitter* splitter;
};

// Patterns as tokenizer.json files and tiktoken 0.14.0 spell them.
const Named kPatterns[] = {
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", &kGpt2},
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

const Named kNames[] = {
    {"gpt2", &kGpt2},          {"r50k_base", &kGpt2},   {"p50k_base", &kGpt2},      {"p50k_edit", &kGpt2},
    {"cl100k_base", &kCl100k}, {"o200k_base", &kO200k}, {"llama3", &kLlama3},       {"qwen2", &kQwen2},
    {"qwen3.5", &kQwen35},     {"tekken", &kTekken},    {"o200k_harmony", &kO200k},
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
const Splitter* find_split_name(std::string_view name) {
  return find(kNames, name);
}

}  // namespace tidemill
