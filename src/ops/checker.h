// Kernels that run twice: by the kernels under test and by the scalar reference, on the same inputs.  The first
// element that differs by more than the tolerance is reported with its operation and position.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ops/kernels.h"
#include "ops/reference.h"

namespace tidemill {

// Greatest accepted difference, as a fraction of the root mean square of the reference row that it stands in.
struct CheckTolerance {
  double matmul = 1e-4;  // about 0.05 where activations are quantised to 8 bits
  double other = 1e-4;   // about 2e-3 where the state is f16
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

 private:
  Tensor original_of(const Tensor& weight) const;
  // Runs `compute(kernels, out)` with the reference and then with the inner kernels, and compares.  The reference
  // goes first because `out` may share memory with an input.
  template <typename Compute>
  void run(std::string_view op, double tolerance, const Tensor& out, Compute&& compute);

  Kernels& inner_;
  CheckTolerance tolerance_;
  ReferenceKernels reference_;
  std::unordered_map<const void*, Tensor> originals_;
};

}  // namespace tidemill
