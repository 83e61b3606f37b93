// x * W^T for weights of bf16 on processors that multiply pairs of bf16 and add in f32 (AVX512_BF16): activations are
// rounded to bf16, as llama.cpp does.  Twice the products of f32; the next token of Gemma 3 270M is that of float32
// activations at 99.3 to 100% of the positions of six texts (a simulation).
#pragma once

#include <cstdint>

#include "backends/cpu/task.h"
#include "tidemill/tensor.h"

namespace tidemill {

// Whether this processor does, and the selected instruction set lets it.
bool has_bf16_products();

// Rows of activations as pairs of bf16, element 2 i in the low half of pair i; an odd row ends in a zero.  The array is
// of the caller.
struct Bf16Rows {
  int64_t n_cols = 0;
  int64_t stride = 0;  // pairs from one row to the next
  uint32_t* pairs = nullptr;

  // Whole lines of cache, an odd number, so that rows spread over the sets of a cache.
  static constexpr int64_t stride_for(int64_t n_cols) { return ((n_cols + 31) / 32 | 1) * 16; }
};

// The rest may be called only where has_bf16_products().

// Rounds rows [begin, end) of x ([n_rows, K] f32), ties to even.
void round_rows(const Tensor& x, int64_t begin, int64_t end, const Bf16Rows& out);

// The task's share of the product of several rows.
void bf16_gemm(const MatmulTask& task, const Bf16Rows& x, TaskScratch& scratch);

// Panels [begin, end) of the product of the first n_x rows, at most most_gemv_rows(); the same bits as bf16_gemm gives
// them.
void bf16_gemv(const Product& product, int64_t begin, int64_t end, const Bf16Rows& x, int64_t n_x);

}  // namespace tidemill
