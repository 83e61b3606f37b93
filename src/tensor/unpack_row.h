// Single rows back out of panels (tensor/panels.h).
#pragma once

#include <cstdint>

#include "tidemill/tensor.h"

namespace tidemill {

// Row `row` of a matrix in panels as its K exact values, the same as `dequantize` gives for its blocks.
void unpack_row(const Tensor& panels, int64_t row, float* out);

}  // namespace tidemill
