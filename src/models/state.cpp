#include "models/state.h"

namespace tidemill {

int64_t StateSpec::size_bytes(int64_t capacity, DType dtype) const {
  int64_t total = 0;
  for (const LayerStateSpec& layer : layers) total += 2 * tidemill::size_bytes(dtype, Shape{capacity, layer.width});
  return total;
}

}  // namespace tidemill
