// Any stored dtype -> f32: the meaning of every format in plain scalar code, the oracle of the kernels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tidemill/dtype.h"
#include "tidemill/tensor.h"

namespace tidemill {

// Decodes n elements at `source`, whole blocks, into `target`; bit-exact with the `gguf` Python package.
// Integers and booleans are converted; complex numbers are refused as unsupported.  `source` needs no alignment.
void dequantize(DType dtype, const void* source, std::span<float> target);

// All elements of a contiguous tensor.
std::vector<float> to_floats(const Tensor& tensor);

}  // namespace tidemill
