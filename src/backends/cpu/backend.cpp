#include "backends/cpu/backend.h"

#include <algorithm>
#include <type_traits>
#include <variant>

#include "backends/cpu/activation.h"
#include "backends/cpu/elementwise.h"
#include "backends/cpu/embed.h"
#include "backends/cpu/isa.h"
#include "backends/cpu/norm.h"
#include "backends/cpu/pack.h"
#include "backends/cpu/project.h"
#include "backends/cpu/recurrent.h"
#include "backends/cpu/rope.h"
#include "tensor/panels.h"

namespace tidemill {
namespace {

constexpr int64_t kAdoptBytes = 16 << 20;  // of a weight that are in memory twice while it is packed

}  // namespace

CpuBackend::CpuBackend(ThreadPool& pool, Precision precision)
    : pool_(pool), precision_(precision), matmul_(pool, precision), attention_(pool), experts_(matmul_) {
  select_isa();
}

Tensor CpuBackend::adopt(const Tensor& weight, WeightRole role, const Copied& copied) {
  if (role == WeightRole::vector) return vectors_.keep(weight);
  if (weight.layout() == Layout::panels) return weight;
  if (weight.shape().rank() != 2) {
    throw Error(ErrorCode::invalid_argument,
                "matrix weight: its shape is " + weight.shape().to_string() + "; give a tensor of rank 2");
  }
  std::byte* const memory = panels_.take(panel_bytes(weight.dtype(), weight.dim(0), weight.dim(1)));
  const Tensor panels = weight.with_panels(memory);
  // Whole panels at a time: a large matrix never lies in memory twice.
  const int64_t row_bytes = size_bytes(weight.dtype(), {weight.dim(1)});
  const int64_t n_rows = std::max<int64_t>(1, kAdoptBytes / (row_bytes * kPanelRows)) * kPanelRows;
  const int64_t stride = panel_stride(weight.dtype(), weight.dim(1));
  for (int64_t begin = 0; begin < weight.dim(0); begin += n_rows) {
    const Tensor part = weight.slice(0, begin, std::min(weight.dim(0), begin + n_rows));
    pack_panels(pool_, part, memory + begin / kPanelRows * stride);
    if (copied) copied(part);
  }
  return panels;
}

void CpuBackend::run(const Operation& operation) {
  std::visit(
      [this](const auto& one) {
        using Op = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<Op, op::Matmul>) {
          matmul(matmul_, one.xs, one.weights, one.outs);
        } else if constexpr (std::is_same_v<Op, op::Project>) {
          compute(matmul_, one);
        } else if constexpr (std::is_same_v<Op, op::ExpertMatmul>) {
          experts_.compute(one);
        } else if constexpr (std::is_same_v<Op, op::Attention>) {
          attention_.compute(one);
        } else {
          compute(pool_, one);
        }
      },
      operation);
}

}  // namespace tidemill
