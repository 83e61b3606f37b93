#include "models/state_spec.h"

#include <algorithm>

#include "ops/paged_rows.h"

namespace tidemill {

int64_t StateSpec::page_bytes(PageKind kind, DType dtype) const {
  int64_t total = 0;
  for (const LayerStateSpec& layer : layers)
    if (kind_of(layer) == kind) total += 2 * tidemill::size_bytes(dtype, {kPageRows, layer.kv_width});
  return total;
}

int64_t StateSpec::reach() const {
  int64_t reach = kPageRows;
  for (const LayerStateSpec& layer : layers) reach = std::max(reach, layer.window);
  return reach;
}

int64_t StateSpec::slot_bytes() const {
  int64_t total = 0;
  for (const LayerStateSpec& layer : layers) total += tidemill::size_bytes(DType::f32, {layer.slot_size});
  return total;
}

int64_t StateSpec::size_bytes(int64_t capacity, DType dtype, int64_t step) const {
  const int64_t n_pages = pages_for(capacity);
  // Of the first page and of the last one parts are kept.
  const int64_t n_recent_pages = std::min(n_pages, pages_for(n_recent() + step) + 1);
  return n_pages * page_bytes(PageKind::whole, dtype) + n_recent_pages * page_bytes(PageKind::recent, dtype) +
         slot_bytes();
}

int64_t pages_for(int64_t n) {
  return (n + kPageRows - 1) / kPageRows;
}

}  // namespace tidemill
