#include "backends/vector_store.h"

#include <string>

#include "tensor/dequantize.h"

namespace tidemill {

Tensor VectorStore::keep(const Tensor& vector) {
  if (vector.layout() != Layout::rows || !vector.is_contiguous()) {
    throw Error(ErrorCode::invalid_argument,
                "vector weight: its shape is " + vector.shape().to_string() + " with gaps; give a contiguous tensor");
  }
  const Tensor copy(memory_.take(tidemill::size_bytes(DType::f32, vector.shape())), DType::f32, vector.shape());
  dequantize(vector.dtype(), vector.data(), {copy.as<float>(), static_cast<size_t>(vector.n_elements())});
  return copy;
}

}  // namespace tidemill
