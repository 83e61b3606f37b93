// Hand-written splitters for the patterns that published tokenizers use; any other needs a regular expression.
#pragma once

#include <span>
#include <string_view>

#include "text/split/splitter.h"

namespace tidemill {

// The splitter that cuts a text as the regular expression `pattern`, exactly as files spell it, does when every match
// is a piece; null for a pattern that is not known.  Lives for ever.
const Splitter* find_split_pattern(std::string_view pattern);

// The same for patterns of which each cuts what those before it leave: the splitter for as many as possible of the
// first ones, two or more; null when there is none.
struct PatternSequence {
  const Splitter* splitter = nullptr;
  size_t n_patterns = 0;
};
PatternSequence find_split_patterns(std::span<const std::string_view> patterns);

// By the name of an encoding: "gpt2" (also r50k_base, p50k_base), "cl100k_base", "o200k_base", "llama3", "qwen2",
// "qwen3.5", "tekken", "starcoder", "deepseek3", "falcon"; null for an unknown name.
const Splitter* find_split_name(std::string_view name);

}  // namespace tidemill
