#include "runtime/state.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "tidemill/error.h"

namespace tidemill {

State::State(const StateSpec& spec, PagePool& pool, int64_t capacity, DType dtype)
    : pool_(pool), capacity_(capacity), longer_(spec.longer), slots_(spec.slot_bytes(), Use::sparse) {
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

bool State::can_become(int64_t n_tokens) const {
  return n_past_ == 0 || longer_.changes_on || has_long_keys_ == longer_.contains(n_tokens);
}

bool State::begins_text_of(int64_t n_tokens) const {
  if (n_past_ == 0) return true;
  const bool is_long = longer_.contains(n_tokens);
  return has_long_keys_ == is_long && !(is_long && longer_.changes_on);
}

int64_t State::n_alike(int64_t most) const {
  if (longer_.length == 0 || longer_.changes_on || longer_.contains(n_past_ + 1)) return most;
  return std::min(most, longer_.length - n_past_ - 1);
}

void State::join_text_of(int64_t n_tokens) {
  has_long_keys_ = longer_.contains(n_tokens) || (longer_.changes_on && n_past_ > 0 && has_long_keys_);
}

int64_t State::truncate(int64_t n) {
  if (n >= n_past_) return n_past_;
  n_past_ = is_recurrent() ? 0 : n;
  if (!table_.empty()) pages_.resize(static_cast<size_t>(pages_for(n_past_)));
  return n_past_;
}

void State::share(const State& other, int64_t n) {
  const size_t n_pages = table_.empty() ? 0 : static_cast<size_t>(pages_for(n));
  adopt(other.pages().first(n_pages), other.slots(), n, other.has_long_keys());
}

void State::adopt(std::span<const PagePool::Page> pages, std::span<const std::byte> slots, int64_t n,
                  bool has_long_keys) {
  if (n > capacity_)
    throw Error(ErrorCode::context_full, "state: " + std::to_string(n) + " positions do not fit into " +
                                             std::to_string(capacity_) + "; load with a longer context (--ctx)");
  pages_.assign(pages.begin(), pages.end());
  for (size_t index = 0; index < pages_.size(); ++index) table_[index] = pages_[index].data();
  if (!slots.empty()) std::memcpy(slots_.data(), slots.data(), slots.size());
  n_past_ = n;
  has_long_keys_ = has_long_keys;
}

}  // namespace tidemill
