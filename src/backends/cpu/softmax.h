// Softmax of rows.
#pragma once

#include <cstdint>

namespace tidemill {

// out[i, :] = e^(x[i, :] - max) / sum of these, for contiguous rows of f32, on this thread; `out` may be `x`.  A row of
// -infinities alone, or with a NaN or +infinity in it, becomes NaN.
void softmax_rows(const float* x, float* out, int64_t n_rows, int64_t width);

// The same for columns: x[i * stride + j] over i < n_rows for each j < n_columns, likewise `out`.
void softmax_columns(const float* x, int64_t stride, float* out, int64_t out_stride, int64_t n_rows, int64_t n_columns);

}  // namespace tidemill
