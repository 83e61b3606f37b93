#include "models/state.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace tidemill {

int64_t StateSpec::size_bytes(int64_t capacity, DType dtype) const {
  int64_t total = 0;
  for (const LayerStateSpec& layer : layers) {
    total += 2 * tidemill::size_bytes(dtype, Shape{capacity, layer.kv_width}) +
             tidemill::size_bytes(DType::f32, Shape{layer.slot_size});
  }
  return total;
}

bool State::is_recurrent() const {
  return std::any_of(layers.begin(), layers.end(), [](const LayerState& layer) { return !layer.slot.empty(); });
}

int64_t State::truncate(int64_t n) {
  if (n < n_past) n_past = is_recurrent() ? 0 : n;
  return n_past;
}

void State::copy_from(const State& other, int64_t n) {
  if (n > capacity)
    throw Error(ErrorCode::context_full, "state: " + std::to_string(n) + " positions do not fit into " +
                                             std::to_string(capacity) + "; load with a longer context (--ctx)");
  const auto copy = [](const Tensor& to, const Tensor& from, int64_t n_bytes) {
    if (!from.empty()) std::memcpy(to.data(), from.data(), static_cast<size_t>(n_bytes));
  };
  for (size_t index = 0; index < layers.size(); ++index) {
    const LayerState &to = layers[index], &from = other.layers[index];
    const int64_t n_bytes = from.keys.empty() ? 0 : n * from.keys.stride_bytes(0);
    copy(to.keys, from.keys, n_bytes);
    copy(to.values, from.values, n_bytes);
    copy(to.slot, from.slot, from.slot.size_bytes());
  }
  n_past = n;
}

}  // namespace tidemill
