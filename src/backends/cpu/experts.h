// Mixtures of experts: which experts a row goes to, their products, and the sum of what they give.
#pragma once

#include "backends/cpu/matmul.h"
#include "ops/operations.h"
#include "tensor/storage.h"

namespace tidemill {

void compute(ThreadPool& pool, const op::ChooseExperts& operation);
void compute(ThreadPool& pool, const op::MixExperts& operation);

// Rows that go to the same expert are gathered, so that its weights are read once for all of them.  Holds the scratch
// memory that calls share; one call at a time.
class ExpertProducts {
 public:
  // `matmul` outlives this object.
  explicit ExpertProducts(MatmulContext& matmul) : matmul_(matmul) {}

  void compute(const op::ExpertMatmul& operation);

 private:
  MatmulContext& matmul_;
  Storage rows_;  // gathered rows of x, then of the result
};

}  // namespace tidemill
