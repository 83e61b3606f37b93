// How much memory a model will take, known before its weights are read.
#pragma once

#include <cstdint>

#include "formats/gguf.h"
#include "models/model.h"
#include "runtime/runner.h"
#include "tidemill/model_info.h"

namespace tidemill {

// Bytes for `batch` sequences of `context_length` positions each, state elements of `state_dtype`.
MemoryNeed plan_memory(const GgufFile& file, const Model& model, int64_t context_length, int64_t batch,
                       DType state_dtype, Runner::Limits limits = {});

// The context length to load with.  `wanted` 0 means the model's own, halved down to 2,048 until it fits.
// Throws out_of_memory, saying what is needed and what there is, when it cannot fit, and invalid_argument when
// `wanted` is negative or more than the model was trained for.
int64_t choose_context_length(const GgufFile& file, const Model& model, int64_t wanted, DType state_dtype);

}  // namespace tidemill
