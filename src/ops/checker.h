// Kernels that run twice: by the kernels under test and by the scalar reference, on the same inputs.  The first
// element that differs by more than the tolerance is reported with its operation and position.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "ops/kernels.h"
#include "ops/reference.h"

namespace tidemill {

// Greatest accepted difference, as a fraction of the root mean square of the reference row that it stands in.
struct CheckTolerance {
  double matmul = 1e-4;  // about 0.05 where activations are quantised to 8 bits
  double other = 1e-4;   // about 2e-3 where the state is f16
};

// Operations that continue a state in their runs' slots.
template <typename Op>
concept RecurrentOperation = requires(const Op& operation) {
  operation.runs;
  operation.part;
};

// Slow, and for one caller at a time.  A difference throws internal: "rms_norm: row 3, column 17: ...".
class CheckedKernels final : public Kernels {
 public:
  // `inner` outlives this object.
  explicit CheckedKernels(Kernels& inner, const CheckTolerance& tolerance = {})
      : inner_(inner), tolerance_(tolerance) {}

  // Says that `adopted` stands for `original` (Backend::adopt): the reference reads the original, which must stay
  // readable.  A weight that was never mentioned is read as it is.
  void remember(const Tensor& adopted, const Tensor& original) { originals_[adopted.data()] = original; }

  void run(const Operation& operation) override;

 private:
  Tensor original_of(const Tensor& weight) const;
  // Runs `operation` by the inner kernels and `by_reference`, the same over original weights, by the reference, and
  // compares the results.  The reference goes first because a result may share memory with an input.
  template <typename Op>
  void check(const Op& operation, Op by_reference, double tolerance);
  template <typename Op>
  void check(const Op& operation);
  void check(const op::Embed& operation);
  void check(const op::Matmul& operation);
  void check(const op::Project& operation);
  void check(const op::Scores& operation);
  void check(const op::ExpertMatmul& operation);
  void check(const op::ChooseExperts& operation);
  void check(const op::Attention& operation);
  void check(const op::Lerp& operation);
  template <RecurrentOperation Op>
  void check(const Op& operation);

  Kernels& inner_;
  CheckTolerance tolerance_;
  ReferenceKernels reference_;
  std::unordered_map<const void*, Tensor> originals_;
};

}  // namespace tidemill
