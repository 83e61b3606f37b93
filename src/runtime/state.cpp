#include "runtime/state.h"

#include <cstring>
#include <string>

#include "tidemill/error.h"

namespace tidemill {

State::State(const StateSpec& spec, PagePool& pool, int64_t capacity, DType dtype)
    : pool_(pool), capacity_(capacity), slots_(spec.slot_bytes(), Use::sparse) {
  const auto n_pages = static_cast<size_t>(pool.page_bytes() > 0 ? pages_for(capacity) : 0);
  pages_.reserve(n_pages);
  table_.resize(n_pages);
  std::byte* next_slot = slots_.data();
  int64_t offset = 0;  // in a page
  for (const LayerStateSpec& layer : spec.layers) {
    LayerState& state = layers_.emplace_back();
    if (layer.slot_size > 0) {
      state.slot = Tensor(next_slot, DType::f32, {layer.slot_size});
      next_slot += state.slot.size_bytes();
    }
    if (layer.kv_width == 0) continue;
    for (PagedRows* const rows : {&state.keys, &state.values}) {
      *rows = PagedRows(table_.data(), offset, dtype, capacity, layer.kv_width);
      offset += kPageRows * rows->row_bytes();
    }
  }
}

void State::take_page() {
  pages_.push_back(pool_.take());
  table_[pages_.size() - 1] = pages_.back().data();
}

void State::make_room(int64_t n) {
  if (table_.empty() || n == 0) return;
  if (n_past_ % kPageRows != 0 && pages_.back().is_shared()) {
    PagePool::Page own = pool_.take();
    std::memcpy(own.data(), pages_.back().data(), static_cast<size_t>(pool_.page_bytes()));
    pages_.back() = std::move(own);
    table_[pages_.size() - 1] = pages_.back().data();
  }
  while (std::ssize(pages_) < pages_for(n_past_ + n)) take_page();
}

int64_t State::truncate(int64_t n) {
  if (n >= n_past_) return n_past_;
  n_past_ = is_recurrent() ? 0 : n;
  if (!table_.empty()) pages_.resize(static_cast<size_t>(pages_for(n_past_)));
  return n_past_;
}

void State::share(const State& other, int64_t n) {
  const size_t n_pages = table_.empty() ? 0 : static_cast<size_t>(pages_for(n));
  adopt(other.pages().first(n_pages), other.slots(), n);
}

void State::adopt(std::span<const PagePool::Page> pages, std::span<const std::byte> slots, int64_t n) {
  if (n > capacity_)
    throw Error(ErrorCode::context_full, "state: " + std::to_string(n) + " positions do not fit into " +
                                             std::to_string(capacity_) + "; load with a longer context (--ctx)");
  pages_.assign(pages.begin(), pages.end());
  for (size_t index = 0; index < pages_.size(); ++index) table_[index] = pages_[index].data();
  if (!slots.empty()) std::memcpy(slots_.data(), slots.data(), slots.size());
  n_past_ = n;
}

}  // namespace tidemill
