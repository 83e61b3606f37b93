// Elements of the float types that lossy deltas work on, as f32 and back.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tidemill/dtype.h"

namespace tidemill {

// f32, f16 and bf16; others stay lossless.
bool has_lossy_deltas(DType dtype);

// `floats` gets one number for each element of `bytes`, exactly.
void to_floats(DType dtype, std::span<const std::byte> bytes, std::vector<float>& floats);
// The nearest elements, ties to even; `bytes` holds as many as there are floats.
void from_floats(DType dtype, std::span<const float> floats, std::span<std::byte> bytes);

}  // namespace tidemill
