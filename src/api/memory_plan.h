// How much memory a model will take, known before its weights are read.
#pragma once

#include <cstdint>
#include <string>

#include "models/model.h"
#include "runtime/runner.h"
#include "tidemill/model_info.h"

namespace tidemill {

// Bytes for `batch` sequences of `context_length` positions each, state elements of `state_dtype`.
MemoryNeed plan_memory(Model& model, int64_t context_length, int64_t batch, DType state_dtype,
                       Runner::Limits limits = {});

// What keys and values are kept in.  `wanted` is EngineOptions::state; "auto" is f32 where all matrices are f32, whose
// users want its accuracy, else `preferred`.  Throws invalid_argument for other words,
// unsupported where the model's keys are not whole blocks of int8.
DType state_dtype_of(Model& model, const std::string& wanted, DType preferred);

// The context length to load with.  `wanted` 0 means the model's own, halved down to 2,048 until it fits.
// Throws out_of_memory, saying what is needed and what there is, when it cannot fit, and invalid_argument when
// `wanted` is negative or more than the model was trained for.  `path` is for messages.
int64_t choose_context_length(const std::string& path, Model& model, int64_t wanted, DType state_dtype);

}  // namespace tidemill
