#include "runtime/state_pool.h"

#include <algorithm>
#include <string>
#include <utility>

namespace tidemill {

StatePool::StatePool(StateSpec spec, int64_t capacity, DType dtype, int64_t max_states)
    : spec_(std::move(spec)), capacity_(capacity), dtype_(dtype), max_states_(max_states) {}

StatePool::Lease StatePool::acquire() {
  const std::lock_guard lock(mutex_);
  auto slot = std::find_if(slots_.begin(), slots_.end(), [](const auto& candidate) { return !candidate->lent; });
  if (slot == slots_.end()) {
    if (static_cast<int64_t>(slots_.size()) >= max_states_)
      throw Error(ErrorCode::out_of_memory,
                  "states: all " + std::to_string(max_states_) + " are in use; end a session or load with more");
    slots_.push_back(make_slot());
    slot = std::prev(slots_.end());
  }
  (*slot)->lent = true;
  (*slot)->state.n_past = 0;
  return Lease(&(*slot)->state, Return{this});
}

bool StatePool::is_recurrent() const {
  return std::any_of(spec_.layers.begin(), spec_.layers.end(),
                     [](const LayerStateSpec& layer) { return layer.slot_size > 0; });
}

int64_t StatePool::n_lent() const {
  const std::lock_guard lock(mutex_);
  return std::count_if(slots_.begin(), slots_.end(), [](const auto& slot) { return slot->lent; });
}

void StatePool::give_back(State* state) {
  const std::lock_guard lock(mutex_);
  for (const auto& slot : slots_)
    if (&slot->state == state) slot->lent = false;
}

std::unique_ptr<StatePool::Slot> StatePool::make_slot() const {
  auto slot = std::make_unique<Slot>();
  slot->memory = Storage(bytes_per_state(), Use::sparse);
  slot->state.capacity = capacity_;
  std::byte* next = slot->memory.data();
  const auto take = [&](DType dtype, const Shape& shape) {
    const Tensor tensor(next, dtype, shape);
    next += tensor.size_bytes();
    return tensor.n_elements() == 0 ? Tensor() : tensor;
  };
  // Slots of f32 first: they keep their alignment whatever the dtype and width of keys and values.
  for (const LayerStateSpec& layer : spec_.layers) {
    slot->state.layers.emplace_back().slot = take(DType::f32, {layer.slot_size});
  }
  for (size_t index = 0; index < spec_.layers.size(); ++index) {
    const Shape shape{capacity_, spec_.layers[index].kv_width};
    slot->state.layers[index].keys = take(dtype_, shape);
    slot->state.layers[index].values = take(dtype_, shape);
  }
  return slot;
}

}  // namespace tidemill
