// Numbers as JSON, written straight to stdout: rows of logits are too large for a JSON document in memory.
#pragma once

#include <cstdint>
#include <span>

namespace tidemill::cli {

// A number with as many digits as a float needs to come back unchanged; null for NaN and infinities.
void write_number(float value);
void write_array(std::span<const float> values);
void write_array(std::span<const int32_t> values);

}  // namespace tidemill::cli
