// Products of f32 matrices as they lie, [K, N] with rows contiguous, for a matrix that few rows meet and that is not
// met again: to lay it out in panels first takes several times as long as the product.
#pragma once

#include <cstdint>

#include "tidemill/tensor.h"

namespace tidemill {

// The most rows of x for which this is faster than a product with panels that are made for it.
int64_t most_rows_in_place();

// Columns [begin, end) of out = x * matrix, `begin` a multiple of 16.  x: [n_rows, K], matrix: [K, N], both f32 with
// contiguous rows of any stride; out: [n_rows, N] f32.  The bits of float_gemm with the matrix in panels.
void multiply_columns(const Tensor& x, const Tensor& matrix, int64_t begin, int64_t end, const Tensor& out);

}  // namespace tidemill
