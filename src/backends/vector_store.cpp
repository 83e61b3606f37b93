#include "backends/vector_store.h"

#include <string>
#include <utility>

#include "tensor/dequantize.h"
#include "tensor/storage.h"

namespace tidemill {
namespace {

Tensor copy_to(void* memory, const Tensor& vector) {
  if (vector.layout() != Layout::rows || !vector.is_contiguous()) {
    throw Error(ErrorCode::invalid_argument,
                "vector weight: its shape is " + vector.shape().to_string() + " with gaps; give a contiguous tensor");
  }
  const Tensor copy(memory, DType::f32, vector.shape());
  dequantize(vector.dtype(), vector.data(), {copy.as<float>(), static_cast<size_t>(vector.n_elements())});
  return copy;
}

int64_t n_bytes(const Tensor& vector) {
  return tidemill::size_bytes(DType::f32, vector.shape());
}

}  // namespace

Tensor VectorStore::keep(const Tensor& vector) {
  return copy_to(memory_.take(n_bytes(vector)), vector);
}

HeldWeight VectorStore::keep_apart(const Tensor& vector) {
  auto memory = std::make_shared<Storage>(n_bytes(vector), Use::sparse);
  const Tensor copy = copy_to(memory->data(), vector);
  return {.tensor = copy, .memory = std::move(memory)};
}

Tensor VectorStore::replace(const Tensor& kept, const Tensor& vector) {
  return memory_.owns(kept.data()) ? copy_to(kept.data(), vector) : keep(vector);
}

}  // namespace tidemill
