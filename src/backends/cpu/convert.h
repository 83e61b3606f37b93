// Plain floats of any width to f32 and back, on this thread.
#pragma once

#include <cstdint>

#include "tidemill/dtype.h"

namespace tidemill {

// target[i] = source[i]; exact but for f64, which is rounded to the nearest.  `dtype`: f32, f16, bf16 or f64.
void widen(DType dtype, const void* source, float* target, int64_t n);

// The nearest number of `dtype`, ties to even; what is too large becomes an infinity, NaN stays NaN.
void narrow(const float* source, DType dtype, void* target, int64_t n);

}  // namespace tidemill
