// The memory of a model, planned and used, as `run --memory` prints it.
#pragma once

#include <string>

#include "tidemill/engine.h"

namespace tidemill::cli {

// What `model` will take with a context of `context_length` (0: the model's own), before it is loaded.
void print_memory_plan(const std::string& model, int64_t context_length);
// What it has taken so far: of the weights, the states, and the process.
void print_memory_use(const Engine& engine, const Usage& usage);

}  // namespace tidemill::cli
