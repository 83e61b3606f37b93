// A session's state as a file: a safetensors container with the ids and what each layer keeps of them.
//
// Metadata: "format" "tidemill-state", "version" "1", "model" (the fingerprint below).  Tensors: "ids" I32 [n_past];
// "layer.K.keys" and "layer.K.values" [n_past, width], "layer.K.slot" F32 [slot_size], as the layer has them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/model.h"
#include "runtime/state.h"
#include "tidemill/precision.h"

namespace tidemill {

// Says which model a state belongs to: a hash of the names, dtypes and shapes of its weights and of the first bytes of
// each, as its file has them, so that two models of one shape differ, and behind it what it is computed in.
std::string model_fingerprint(Model& model, Precision precision);

// The same of ids.
std::string fingerprint_of(std::span<const int32_t> ids);

// Writes a temporary file and renames it.  Throws io and what SafetensorsWriter throws.
void save_state(const std::string& path, const State& state, std::span<const int32_t> ids,
                const std::string& fingerprint);

// Whether the file says of itself that it is a saved state, of whatever model.
bool is_state_file(const std::string& path);

// The ids of a saved state.  Throws bad_file for a file that is damaged or of another model.
std::vector<int32_t> read_state_ids(const std::string& path, const std::string& fingerprint, int64_t vocab_size);

// Fills `state` and returns the ids.  Throws bad_file, with `state` undefined, for a file that is damaged or of another
// model or precision, and context_full when its positions do not fit.
std::vector<int32_t> restore_state(const std::string& path, State& state, const std::string& fingerprint,
                                   int64_t vocab_size);

}  // namespace tidemill
