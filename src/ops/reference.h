// The scalar oracle: every operation in plain loops with double accumulation, never optimised.  Every kernel of every
// backend is compared with it.
//
// Weights have any dtype in Layout::rows.  Single-threaded; allocates as it likes.
#pragma once

#include "ops/kernels.h"

namespace tidemill {

class ReferenceKernels final : public Kernels {
 public:
  void embed(const Tensor& table, std::span<const int32_t> ids, float scale, Tensor out) override;
  void gather_rows(const Tensor& x, std::span<const int32_t> rows, Tensor out) override;
  void rms_norm(const Tensor& x, const Tensor& weight, float eps, Tensor out) override;
  void matmul(const Tensor& x, std::span<const Tensor> weights, std::span<const Tensor> outs) override;
  void add(const Tensor& a, const Tensor& b, Tensor out) override;
  void gelu_mul(const Tensor& gate, const Tensor& up, Tensor out) override;
  void rope_table(std::span<const int32_t> positions, const Tensor& inv_freq, Tensor out) override;
  void rope(const Tensor& x, const Tensor& table, Tensor out) override;
  void attention(const Tensor& q, const Tensor& k, const Tensor& v, std::span<const KvRun> runs,
                 const AttentionOptions& options, Tensor out) override;
};

}  // namespace tidemill
