// How much memory a model will take, known before its weights are read.
#pragma once

#include <cstdint>
#include <string>

#include "models/model.h"
#include "runtime/runner.h"
#include "tidemill/model_info.h"

namespace tidemill {

// Bytes for `batch` sequences of `context_length` positions each, state elements of `state_dtype`.
// The tokenizer's share is left at 0.
MemoryNeed plan_memory(Model& model, int64_t context_length, int64_t batch, DType state_dtype,
                       Runner::Limits limits = {});

// What the tokenizer of a model with that vocabulary takes once it is loaded, by what its kind (ModelFile) says.
int64_t plan_tokenizer(const std::string& kind, int64_t vocab_size);

// What keys and values are kept in.  `wanted` is EngineOptions::state; "auto" is f32 where all matrices are f32, whose
// users want its accuracy, else `preferred`.  Throws invalid_argument for other words,
// unsupported where the model's keys are not whole blocks of int8.
DType state_dtype_of(Model& model, const std::string& wanted, DType preferred);

// The context length to load with, beside `other_bytes`.  `wanted` 0 means the model's own, halved down to 2,048 until
// it fits. Throws out_of_memory, saying what is needed and what there is, when it cannot fit, and invalid_argument when
// `wanted` is negative or more than the model was trained for.  `path` is for messages.
int64_t choose_context_length(const std::string& path, Model& model, int64_t wanted, DType state_dtype,
                              int64_t other_bytes);

}  // namespace tidemill
