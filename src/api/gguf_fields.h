// Typed access to the tokenizer's metadata of a GGUF file; a missing or malformed key is an error that names it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/gguf.h"
#include "text/pieces/token_type.h"

namespace tidemill::gguf_tokenizer {

inline const std::string kPrefix = "tokenizer.ggml.";

// "FILE: tokenizer.ggml.KEY WHY; ..."
[[noreturn]] void bad_key(const GgufFile& file, const std::string& key, const std::string& why);

const StringList& read_tokens(const GgufFile& file);
// One number per token.
std::vector<float> read_scores(const GgufFile& file, size_t n_tokens);
std::vector<TokenType> read_types(const GgufFile& file, size_t n_tokens);
// The token id at `key`; `fallback` when the key is absent, -1 when that is no id of this vocabulary.
int32_t read_id(const GgufFile& file, const std::string& key, size_t n_tokens, int32_t fallback);
// Ids after which generation ends: the end of the text, of a turn and of a message.
std::vector<int32_t> read_stop_ids(const GgufFile& file, size_t n_tokens, int32_t eos);

}  // namespace tidemill::gguf_tokenizer
