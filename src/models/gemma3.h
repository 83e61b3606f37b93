// Gemma 3, text: decoder-only transformer with sliding-window and global attention layers in turn.
// Gemma Team 2025, arXiv:2503.19786.  Reference: transformers, Gemma3ForCausalLM.
#pragma once

#include <memory>

#include "formats/gguf.h"
#include "models/model.h"

namespace tidemill {

// From GGUF metadata `gemma3.*`.  Throws bad_file naming the key or tensor that is missing or does not fit.
std::unique_ptr<Model> make_gemma3(const GgufFile& file);

}  // namespace tidemill
