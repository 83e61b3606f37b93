// Kernels: what a backend implements.  Shapes are already checked and outputs already allocated by Ops (ops.h).
//
// All activations are contiguous f32 rows.  A row of a result depends on its own inputs only, in a fixed order of
// reduction: it is bit-identical whatever else is in the batch and however many threads work.
#pragma once

#include <cstdint>
#include <span>

#include "tidemill/tensor.h"

namespace tidemill {

// One sequence's share of an attention call: rows [first_row, first_row + n_rows) of q, k and v belong to it, at
// positions first_pos, first_pos + 1, ...  Its cache holds positions [0, first_pos) already.
struct KvRun {
  int64_t first_row = 0;
  int64_t n_rows = 0;
  int64_t first_pos = 0;
  Tensor keys = {};    // cache of this layer, [capacity, n_kv_heads * head_dim], f32 or f16
  Tensor values = {};  // same shape and dtype
};

struct AttentionOptions {
  int64_t n_heads = 0;
  int64_t n_kv_heads = 0;  // divides n_heads
  int64_t head_dim = 0;
  float scale = 1.0f;  // multiplies q . k
  int64_t window = 0;  // a query at position p sees keys in (p - window, p]; 0: all of [0, p]
};

class Kernels {
 public:
  virtual ~Kernels() = default;

  // out[i, :] = table[ids[i], :] * scale.  table: [vocab_size, d_model], any dtype and layout.
  virtual void embed(const Tensor& table, std::span<const int32_t> ids, float scale, Tensor out) = 0;
  // out[i, :] = x[rows[i], :].
  virtual void gather_rows(const Tensor& x, std::span<const int32_t> rows, Tensor out) = 0;
  // out[i, :] = x[i, :] / sqrt(mean(x[i, :]^2) + eps) * weight.  Zhang and Sennrich 2019, arXiv:1910.07467.
  virtual void rms_norm(const Tensor& x, const Tensor& weight, float eps, Tensor out) = 0;
  // outs[j] = x * weights[j]^T; x: [n_rows, K], weights[j]: [N_j, K] of any dtype and layout, outs[j]: [n_rows, N_j].
  // Several weights of one input go together so that a backend prepares the input once.
  virtual void matmul(const Tensor& x, std::span<const Tensor> weights, std::span<const Tensor> outs) = 0;
  virtual void add(const Tensor& a, const Tensor& b, Tensor out) = 0;
  // out = gelu(gate) * up with the tanh form of GELU.  Hendrycks and Gimpel 2016, arXiv:1606.08415.
  virtual void gelu_mul(const Tensor& gate, const Tensor& up, Tensor out) = 0;
  // out[i, :] = cos of angles | sin of angles; angle j = positions[i] * inv_freq[j].  out: [n_rows, 2 * n_freqs].
  virtual void rope_table(std::span<const int32_t> positions, const Tensor& inv_freq, Tensor out) = 0;
  // Rotates each head of x: [n_rows, n_heads, head_dim] by its row of `table`; element j pairs with j + head_dim / 2
  // (the "NeoX" order).  Su et al. 2021, arXiv:2104.09864.
  virtual void rope(const Tensor& x, const Tensor& table, Tensor out) = 0;
  // Appends k and v to the caches of `runs`, then scaled dot-product attention of q over them.
  // q, out: [n_rows, n_heads * head_dim]; k, v: [n_rows, n_kv_heads * head_dim].
  // Online softmax: Dao et al. 2022, arXiv:2205.14135.
  virtual void attention(const Tensor& q, const Tensor& k, const Tensor& v, std::span<const KvRun> runs,
                         const AttentionOptions& options, Tensor out) = 0;
};

}  // namespace tidemill
