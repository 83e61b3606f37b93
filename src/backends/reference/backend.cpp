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

HeldWeight ReferenceBackend::adopt_apart(const Tensor& weight, WeightRole role) {
  if (role == WeightRole::vector) return VectorStore::keep_apart(weight);
  return adopt_rows(weight, role, [&](int64_t begin, int64_t end) { return weight.slice(0, begin, end); });
}

HeldWeight ReferenceBackend::adopt_rows(const Tensor& outline, WeightRole, const Rows& rows) {
  auto memory = std::make_shared<Storage>(size_bytes(DType::f32, outline.shape()));
  const Tensor all(memory->data(), DType::f32, outline.shape());
  for (int64_t row = 0; row < all.dim(0); ++row) unpack_row(rows(row, row + 1), 0, all.row<float>(row));
  return {.tensor = all, .memory = std::move(memory)};
}

Tensor ReferenceBackend::replace(const Tensor& adopted, const Tensor& weight, WeightRole role) {
  if (role == WeightRole::vector) return vectors_.replace(adopted, weight);
  const HeldWeight copy = adopt_apart(weight, role);
  replaced_.push_back(copy.memory);  // what it replaces is a view of a file
  return copy.tensor;
}

int64_t ReferenceBackend::weight_bytes() const {
  int64_t total = vectors_.size_bytes();
  for (const Storage& memory : matrices_) total += memory.size_bytes();
  return total;
}

}  // namespace tidemill
