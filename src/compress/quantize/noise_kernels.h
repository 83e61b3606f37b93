// Kernels that make the outputs of chosen matrices a little wrong, to see what errors of theirs do to a model.
#pragma once

#include <unordered_set>
#include <vector>

#include "ops/kernels.h"
#include "sys/random.h"

namespace tidemill {

class NoiseKernels final : public Kernels {
 public:
  // `inner` outlives this object.
  explicit NoiseKernels(Kernels& inner) : inner_(inner) {}

  // From now on every output of these matrices, and every row looked up in them, has noise whose mean square is
  // `relative` of that of its row.  The same noise again for the same operations.
  void disturb(const std::vector<const void*>& weights, double relative);

  void run(const Operation& operation) override;

 private:
  void add_noise(const Tensor& rows);

  Kernels& inner_;
  std::unordered_set<const void*> weights_;  // their data
  float amplitude_ = 0;
  Random random_{1};
};

}  // namespace tidemill
