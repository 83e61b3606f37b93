// Activations in int8 with a scale and a zero for each row, as the linear layers of `--precision int8` read them.
//
// An element is scale * (code - zero).  A row's codes take its range from the least to the greatest number, with 0
// between them, in 253 steps: after an activation such as GELU a row reaches far up and hardly below zero, and a scale
// alone would leave half of the codes to numbers that do not occur.
#pragma once

#include <cstdint>

#include "tidemill/tensor.h"

namespace tidemill {

// The arrays are of the caller.
struct Int8Rows {
  int64_t n_cols = 0;
  int64_t stride = 0;        // bytes from one row to the next
  uint8_t* codes = nullptr;  // of 1..255, or those as signed bytes, less 128: what the processor multiplies
  float* scale = nullptr;    // [n_rows]
  int32_t* zero = nullptr;   // [n_rows]

  // An odd number of lines of cache, so that rows spread over its sets.
  static constexpr int64_t stride_for(int64_t n_cols) { return ((n_cols + 63) / 64 | 1) * 64; }
};

// Quantises rows [begin, end) of x ([n_rows, K] f32).  A row that holds NaN or infinity gets a scale of NaN.
void quantize_int8_rows(const Tensor& x, int64_t begin, int64_t end, const Int8Rows& out);

}  // namespace tidemill
