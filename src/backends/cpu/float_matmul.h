// Products with f32 activations as they are: for float weights, and for every weight in Precision::f32.
#pragma once

#include <cstdint>

#include "backends/cpu/task.h"
#include "tidemill/tensor.h"

namespace tidemill {

// out[m][n] = x[m] * W[n]^T over the task's rows.  x: [n_rows, K] f32.  Sums run over k in order, in f32, blocks of
// kFloatBlockLength by themselves.
void float_gemm(const MatmulTask& task, const Tensor& x, TaskScratch& scratch);

// The same bits for a few rows of x (at most most_gemv_rows()) and panels [begin, end) of a matrix of a float dtype,
// each read once, front to back.
void float_gemv(const Product& product, int64_t begin, int64_t end, const Tensor& x);

}  // namespace tidemill
