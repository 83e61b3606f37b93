#include "backends/vector_store.h"

#include <string>

#include "tensor/dequantize.h"

namespace tidemill {

Tensor VectorStore::keep(const Tensor& vector) {
  if (vector.shape().rank() != 1 || vector.layout() != Layout::rows || !vector.is_contiguous()) {
    throw Error(ErrorCode::invalid_argument,
                "vector weight: its shape is " + vector.shape().to_string() + "; give a contiguous tensor of rank 1");
  }
  const int64_t n = vector.dim(0);
  Storage& storage = storages_.emplace_back(tidemill::size_bytes(DType::f32, {n}));
  const Tensor copy(storage.data(), DType::f32, {n});
  dequantize(vector.dtype(), vector.data(), {copy.as<float>(), static_cast<size_t>(n)});
  return copy;
}

int64_t VectorStore::size_bytes() const {
  int64_t total = 0;
  for (const Storage& storage : storages_) total += storage.size_bytes();
  return total;
}

}  // namespace tidemill
