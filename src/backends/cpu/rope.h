// Rotary position embedding.  Su et al. 2021, arXiv:2104.09864.
#pragma once

#include <cstdint>
#include <span>

#include "sys/thread_pool.h"
#include "tidemill/tensor.h"

namespace tidemill {

// Kernels::rope_table: out[i, :] = cos | sin of positions[i] * inv_freq, a float32 product as the models were trained
// with; its cosine and sine are exact to float32 for any angle.  inv_freq: f32 [n_freqs], out: f32 [n, 2 * n_freqs].
void rope_table(ThreadPool& pool, std::span<const int32_t> positions, const Tensor& inv_freq, const Tensor& out);

// Kernels::rope: rotates each head of x: f32 [n_rows, n_heads, head_dim] by its row of `table`: f32 [n_rows, head_dim];
// element j pairs with j + head_dim / 2.  `out` may be `x`.
void rope(ThreadPool& pool, const Tensor& x, const Tensor& table, const Tensor& out);

}  // namespace tidemill
