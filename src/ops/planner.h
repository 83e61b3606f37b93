// Kernels that compute nothing.  Together with Arena::planner() they turn a forward pass into a measurement of the
// memory it needs: every shape is checked and allocated, no element is touched.
#pragma once

#include "ops/kernels.h"

namespace tidemill {

class PlanningKernels final : public Kernels {
 public:
  void embed(const Tensor&, std::span<const int32_t>, float, Tensor) override {}
  void gather_rows(const Tensor&, std::span<const int32_t>, Tensor) override {}
  void rms_norm(const Tensor&, const Tensor&, float, Tensor) override {}
  void matmul(const Tensor&, std::span<const Tensor>, std::span<const Tensor>) override {}
  void add(const Tensor&, const Tensor&, Tensor) override {}
  void gelu_mul(const Tensor&, const Tensor&, Tensor) override {}
  void rope_table(std::span<const int32_t>, const Tensor&, Tensor) override {}
  void rope(const Tensor&, const Tensor&, Tensor) override {}
  void attention(const Tensor&, const Tensor&, const Tensor&, std::span<const KvRun>, const AttentionOptions&,
                 Tensor) override {}
};

}  // namespace tidemill
