// The tokenizer that a GGUF file carries in its metadata (keys "tokenizer.ggml.*").
#pragma once

#include <memory>

#include "formats/gguf.h"
#include "tidemill/tokenizer.h"

namespace tidemill {

// Reads what it needs and keeps nothing of `file`.  Throws bad_file, naming file and key, for missing or malformed
// metadata, and unsupported for a kind of tokenizer that this build lacks.
std::shared_ptr<const Tokenizer> tokenizer_of(const GgufFile& file, const TokenizerOptions& options = {});

}  // namespace tidemill
