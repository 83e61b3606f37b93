// Any stored dtype -> f32: the meaning of every format in plain scalar code, the oracle of the kernels.
#pragma once

#include <cstdint>
#include <span>

#include "tidemill/dtype.h"

namespace tidemill {

// Decodes n elements at `source`, whole blocks, into `target`; bit-exact with the `gguf` Python package.
// Integers and booleans are converted; complex numbers are refused as unsupported.  `source` needs no alignment.
void dequantize(DType dtype, const void* source, std::span<float> target);

}  // namespace tidemill
