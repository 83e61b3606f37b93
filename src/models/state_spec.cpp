#include "models/state_spec.h"

#include "ops/paged_rows.h"

namespace tidemill {

int64_t StateSpec::page_bytes(DType dtype) const {
  int64_t total = 0;
  for (const LayerStateSpec& layer : layers) total += 2 * tidemill::size_bytes(dtype, {kPageRows, layer.kv_width});
  return total;
}

int64_t StateSpec::slot_bytes() const {
  int64_t total = 0;
  for (const LayerStateSpec& layer : layers) total += tidemill::size_bytes(DType::f32, {layer.slot_size});
  return total;
}

int64_t StateSpec::size_bytes(int64_t capacity, DType dtype) const {
  return pages_for(capacity) * page_bytes(dtype) + slot_bytes();
}

int64_t pages_for(int64_t n) {
  return (n + kPageRows - 1) / kPageRows;
}

}  // namespace tidemill
