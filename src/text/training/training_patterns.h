// Patterns that training cuts byte-level text by.
#pragma once

#include <string>
#include <string_view>

#include "text/pre_tokenizers/pre_tokenizers.h"

namespace tidemill {

struct TrainingPattern {
  std::string regex;                   // as tokenizer.json spells it
  const Splitter* splitter = nullptr;  // of a known one, lives for ever
  PreTokenizerPtr cut;                 // of any other
  bool is_gpt2 = false;                // the one that the byte-level pre-tokenizer has built in
};

// A known one by name ("gpt2", "llama3", "qwen2", "qwen3.5", "o200k", "tekken"), or any regular expression.  Throws
// bad_file for a malformed one, unsupported for one that cannot be run.
TrainingPattern training_pattern(std::string_view name_or_regex);

}  // namespace tidemill
