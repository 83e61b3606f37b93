#include "backends/cpu/backend.h"

#include <algorithm>

#include "backends/cpu/elementwise.h"
#include "backends/cpu/embed.h"
#include "backends/cpu/isa.h"
#include "backends/cpu/norm.h"
#include "backends/cpu/pack.h"
#include "backends/cpu/panels.h"
#include "backends/cpu/rope.h"

namespace tidemill {
namespace {

constexpr int64_t kAdoptBytes = 16 << 20;  // of a weight that are in memory twice while it is packed

}  // namespace

CpuBackend::CpuBackend(ThreadPool& pool, Precision precision)
    : pool_(pool), precision_(precision), matmul_(pool, precision), attention_(pool) {
  select_isa();
}

Tensor CpuBackend::adopt(const Tensor& weight, WeightRole role, const Copied& copied) {
  if (role == WeightRole::vector) return vectors_.keep(weight);
  if (weight.shape().rank() != 2) {
    throw Error(ErrorCode::invalid_argument,
                "matrix weight: its shape is " + weight.shape().to_string() + "; give a tensor of rank 2");
  }
  Storage memory(panel_bytes(weight.dtype(), weight.dim(0), weight.dim(1)));
  const Tensor panels = weight.with_panels(memory.data());
  // Whole panels at a time: a large matrix never lies in memory twice.
  const int64_t row_bytes = size_bytes(weight.dtype(), {weight.dim(1)});
  const int64_t n_rows = std::max<int64_t>(1, kAdoptBytes / (row_bytes * kPanelRows)) * kPanelRows;
  const int64_t stride = panel_stride(weight.dtype(), weight.dim(1));
  for (int64_t begin = 0; begin < weight.dim(0); begin += n_rows) {
    const Tensor part = weight.slice(0, begin, std::min(weight.dim(0), begin + n_rows));
    pack_panels(pool_, part, memory.data() + begin / kPanelRows * stride);
    if (copied) copied(part);
  }
  panels_.push_back(std::move(memory));
  return panels;
}

int64_t CpuBackend::weight_bytes() const {
  int64_t total = vectors_.size_bytes();
  for (const Storage& memory : panels_) total += memory.size_bytes();
  return total;
}

void CpuBackend::embed(const Tensor& table, std::span<const int32_t> ids, float scale, Tensor out) {
  tidemill::embed(pool_, table, ids, scale, out);
}

void CpuBackend::gather_rows(const Tensor& x, std::span<const int32_t> rows, Tensor out) {
  tidemill::gather_rows(pool_, x, rows, out);
}

void CpuBackend::rms_norm(const Tensor& x, const Tensor& weight, float eps, Tensor out) {
  tidemill::rms_norm(pool_, x, weight, eps, out);
}

void CpuBackend::matmul(const Tensor& x, std::span<const Tensor> weights, std::span<const Tensor> outs) {
  tidemill::matmul(matmul_, x, weights, outs);
}

void CpuBackend::add(const Tensor& a, const Tensor& b, Tensor out) {
  tidemill::add(pool_, a, b, out);
}

void CpuBackend::gelu_mul(const Tensor& gate, const Tensor& up, Tensor out) {
  tidemill::gelu_mul(pool_, gate, up, out);
}

void CpuBackend::rope_table(std::span<const int32_t> positions, const Tensor& inv_freq, Tensor out) {
  tidemill::rope_table(pool_, positions, inv_freq, out);
}

void CpuBackend::rope(const Tensor& x, const Tensor& table, Tensor out) {
  tidemill::rope(pool_, x, table, out);
}

void CpuBackend::attention(const Tensor& q, const Tensor& k, const Tensor& v, std::span<const KvRun> runs,
                           const AttentionOptions& options, Tensor out) {
  attention_.run(q, k, v, runs, options, out);
}

}  // namespace tidemill
