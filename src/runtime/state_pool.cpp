#include "runtime/state_pool.h"

#include <algorithm>
#include <string>
#include <utility>

namespace tidemill {

StatePool::StatePool(StateSpec spec, int64_t capacity, DType dtype, int64_t max_states)
    : spec_(std::move(spec)), capacity_(capacity), dtype_(dtype), max_states_(max_states), pages_(spec_, dtype) {}

StatePool::Lease StatePool::acquire() {
  const std::lock_guard lock(mutex_);
  auto slot = std::find_if(slots_.begin(), slots_.end(), [](const auto& candidate) { return !candidate->lent; });
  if (slot == slots_.end()) {
    if (static_cast<int64_t>(slots_.size()) >= max_states_)
      throw Error(ErrorCode::out_of_memory,
                  "states: all " + std::to_string(max_states_) + " are in use; end a session or load with more");
    slots_.push_back(std::unique_ptr<Slot>(new Slot{.state = State(spec_, pages_, capacity_, dtype_)}));
    slot = std::prev(slots_.end());
  }
  (*slot)->lent = true;
  return Lease(&(*slot)->state, Return{this});
}

int64_t StatePool::n_lent() const {
  const std::lock_guard lock(mutex_);
  return std::count_if(slots_.begin(), slots_.end(), [](const auto& slot) { return slot->lent; });
}

int64_t StatePool::taken_bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t total = std::ssize(slots_) * spec_.slot_bytes();
  for (const PagePool& pool : pages_.of) total += pool.taken_bytes();
  return total;
}

int64_t StatePool::used_bytes() const {
  int64_t total = n_lent() * spec_.slot_bytes();
  for (const PagePool& pool : pages_.of) total += pool.n_used() * pool.page_bytes();
  return total;
}

void StatePool::give_back(State* state) {
  state->clear();
  const std::lock_guard lock(mutex_);
  for (const auto& slot : slots_)
    if (&slot->state == state) slot->lent = false;
}

}  // namespace tidemill
