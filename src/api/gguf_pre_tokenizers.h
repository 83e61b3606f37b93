// What the names of pre-tokenizers in GGUF files (tokenizer.ggml.pre) stand for.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tidemill {

struct GgufPreTokenizer {
  std::string_view name;
  // Regular expressions that cut the text one after the other, the last one before GPT-2's bytes.
  std::span<const std::string_view> patterns;
  bool nfc = false;            // the text is brought to normal form C first
  bool ignore_merges = false;  // words that are tokens are not built by merging
  bool add_bos = false;        // unless the file says otherwise
  bool add_sep = false;        // the end-of-text token follows every text
};

// Null for a name that is not known.
const GgufPreTokenizer* find_gguf_pre_tokenizer(std::string_view name);
// The first that cuts text so; null when there is none.
const GgufPreTokenizer* find_gguf_pre_tokenizer(std::span<const std::string> patterns, bool nfc, bool ignore_merges);
// The expression that GPT-2's bytes come with in tokenizer.json.
std::string_view gpt2_pattern();

}  // namespace tidemill
