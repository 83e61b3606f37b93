#include "backends/reference/backend.h"

#include "tensor/unpack_row.h"

namespace tidemill {

Tensor ReferenceBackend::adopt(const Tensor& weight, WeightRole role, const Copied&) {
  if (role == WeightRole::vector) return vectors_.keep(weight);
  if (weight.layout() == Layout::rows) return weight;
  Storage& memory = matrices_.emplace_back(size_bytes(DType::f32, weight.shape()));
  const Tensor rows(memory.data(), DType::f32, weight.shape());
  for (int64_t row = 0; row < rows.dim(0); ++row) unpack_row(weight, row, rows.row<float>(row));
  return rows;
}

int64_t ReferenceBackend::weight_bytes() const {
  int64_t total = vectors_.size_bytes();
  for (const Storage& memory : matrices_) total += memory.size_bytes();
  return total;
}

}  // namespace tidemill
