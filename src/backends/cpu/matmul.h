// x * W^T over weights in panels.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "backends/cpu/activations.h"
#include "ops/backend.h"
#include "sys/thread_pool.h"
#include "tensor/storage.h"
#include "tidemill/tensor.h"

namespace tidemill {

// What calls of `matmul` share: threads, precision, and scratch memory that grows to what the largest call needs and
// then stays, so that a warm context allocates nothing.  One call at a time.
class MatmulContext {
 public:
  // `pool` outlives the context.
  MatmulContext(ThreadPool& pool, Precision precision) : pool_(pool), precision_(precision) {}

  ThreadPool& pool() { return pool_; }
  Precision precision() const { return precision_; }
  int64_t scratch_bytes() const { return activations_.size_bytes() + thread_scratch_.size_bytes(); }

  // For matmul itself: memory that is valid until the next call of the same function; its content is undefined.
  std::byte* activations(int64_t size_bytes);
  std::byte* thread_scratch(int64_t size_bytes);

 private:
  ThreadPool& pool_;
  Precision precision_;
  Storage activations_;
  Storage thread_scratch_;
};

// outs[j] = x * weights[j]^T, where x is xs[j], or xs[0] for all weights when there is no other.
//   x: [n_rows, K_j] f32, rows contiguous; weights[j]: [N_j, K_j] in panels (pack.h), of any dtypes; outs[j]:
//   [n_rows, N_j] f32, rows contiguous.
// But in Precision::f32, weights of block formats meet activations in integers (activations.h), and those of bf16
// activations rounded to bf16 where the processor multiplies such pairs (bf16_matmul.h); all else is f32.
// A row of an output depends on its row of x and the weight only, bit for bit, whatever the number of rows, of weights
// and of threads: sums run over k in one fixed order.
// Throws unsupported for a weight that is not in panels.
void matmul(MatmulContext& context, std::span<const Tensor> xs, std::span<const Tensor> weights,
            std::span<const Tensor> outs);

}  // namespace tidemill
