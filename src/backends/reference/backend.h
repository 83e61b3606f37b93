// The scalar oracle (ops/reference.h) as a backend: slow, exact, for comparing.
#pragma once

#include <memory>
#include <vector>

#include "backends/vector_store.h"
#include "ops/backend.h"
#include "ops/reference.h"

namespace tidemill {

// Always computes in f32, whatever precision is asked for.  Matrices and embeddings stay where the caller has them;
// those in panels are kept anew, as rows of f32.
class ReferenceBackend final : public Backend {
 public:
  std::string_view name() const override { return "reference"; }
  Kernels& kernels() override { return kernels_; }
  Tensor adopt(const Tensor& weight, WeightRole role, const Copied& copied = {}) override;
  HeldWeight adopt_apart(const Tensor& weight, WeightRole role) override;
  HeldWeight adopt_rows(const Tensor& outline, WeightRole role, const Rows& rows) override;
  Tensor replace(const Tensor& adopted, const Tensor& weight, WeightRole role) override;
  DType state_dtype() const override { return DType::f32; }
  int64_t weight_bytes() const override;

 private:
  ReferenceKernels kernels_;
  VectorStore vectors_;
  std::vector<Storage> matrices_;
  std::vector<std::shared_ptr<const void>> replaced_;
};

}  // namespace tidemill
