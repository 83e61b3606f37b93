#include "backends/vector_store.h"

#include <string>

#include "tensor/dequantize.h"

namespace tidemill {

Tensor VectorStore::keep(const Tensor& vector) {
  if (vector.layout() != Layout::rows || !vector.is_contiguous()) {
    throw Error(ErrorCode::invalid_argument,
                "vector weight: its shape is " + vector.shape().to_string() + " with gaps; give a contiguous tensor");
  }
  Storage& storage = storages_.emplace_back(tidemill::size_bytes(DType::f32, vector.shape()));
  const Tensor copy(storage.data(), DType::f32, vector.shape());
  dequantize(vector.dtype(), vector.data(), {copy.as<float>(), static_cast<size_t>(vector.n_elements())});
  return copy;
}

int64_t VectorStore::size_bytes() const {
  int64_t total = 0;
  for (const Storage& storage : storages_) total += storage.size_bytes();
  return total;
}

}  // namespace tidemill
