// Patterns that training can cut byte-level text by.
#pragma once

#include <string>
#include <string_view>

#include "text/splitter.h"

namespace tidemill {

struct TrainingPattern {
  std::string regex;         // as tokenizer.json spells it
  const Splitter* splitter;  // lives for ever
  bool is_gpt2 = false;      // the one that the byte-level pre-tokenizer has built in
};

// By name ("gpt2", "llama3", "qwen2", "qwen3.5", "o200k", "tekken") or by the regular expression as published.  Throws
// unsupported for any other.
TrainingPattern training_pattern(std::string_view name_or_regex);

}  // namespace tidemill
