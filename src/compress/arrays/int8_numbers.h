// Numbers in 8 bits: the two passes over an array, and the one back.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tidemill/dtype.h"

namespace tidemill {

// The largest of the bits of f16, f32 or f64 numbers without their signs: that of the largest absolute value, or of a
// NaN.
uint64_t largest_magnitude(DType dtype, const void* numbers, size_t n);

// Finite numbers, none above 127 scales.
void to_int8(DType dtype, const void* numbers, size_t n, double scale, int8_t* quantized);
void from_int8(DType dtype, const int8_t* quantized, size_t n, double scale, void* numbers);

}  // namespace tidemill
