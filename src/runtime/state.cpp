#include "runtime/state.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "tidemill/error.h"

namespace tidemill {

State::State(const StateSpec& spec, PagePools& pools, int64_t capacity, DType dtype)
    : pools_(pools),
      capacity_(capacity),
      reach_(spec.reach()),
      n_recent_(spec.n_recent()),
      longer_(spec.longer),
      slots_(spec.slot_bytes(), Use::sparse) {
  const auto n_pages = static_cast<size_t>(pools.have_any() ? pages_for(capacity) : 0);
  pages_.reserve(n_pages);
  for (Table& table : tables_) table.resize(n_pages);
  std::byte* next_slot = slots_.data();
  std::array<int64_t, kPageKinds.size()> offsets{};  // in a page
  for (const LayerStateSpec& layer : spec.layers) {
    LayerState& state = layers_.emplace_back();
    state.kind = kind_of(layer);
    if (layer.slot_size > 0) {
      state.slot = Tensor(next_slot, DType::f32, {layer.slot_size});
      next_slot += state.slot.size_bytes();
    }
    if (layer.kv_width == 0) continue;
    const auto kind = static_cast<size_t>(state.kind);
    for (PagedRows* const rows : {&state.keys, &state.values}) {
      *rows = PagedRows(tables_[kind].data(), offsets[kind], dtype, capacity, layer.kv_width);
      offsets[kind] += kPageRows * rows->row_bytes();
    }
  }
}

void State::take_page(PageKind kind, size_t index) {
  if (!pools_.have(kind)) return;
  pages_[index][kind] = pools_[kind].take();
  tables_[static_cast<size_t>(kind)][index] = pages_[index][kind].data();
}

void State::give_back_unseen() {
  if (!pools_.have(PageKind::recent)) return;
  for (const int64_t n_gone = (n_past_ - n_recent_) / kPageRows; n_gone_ < n_gone; ++n_gone_) {
    const auto index = static_cast<size_t>(n_gone_);
    pages_[index][PageKind::recent] = {};
    tables_[static_cast<size_t>(PageKind::recent)][index] = nullptr;
  }
}

// What is written into a page that others use, too, is written into a copy.
void State::own_last_page() {
  const size_t index = pages_.size() - 1;
  for (const PageKind kind : kPageKinds) {
    if (!pools_.have(kind) || !pages_[index][kind].is_shared()) continue;
    const PagePool::Page shared = pages_[index][kind];
    take_page(kind, index);
    std::memcpy(pages_[index][kind].data(), shared.data(), static_cast<size_t>(pools_[kind].page_bytes()));
  }
}

void State::make_room(int64_t n) {
  if (n == 0 || !pools_.have_any()) return;
  give_back_unseen();
  if (n_past_ % kPageRows != 0) own_last_page();
  for (size_t index = pages_.size(); std::ssize(pages_) < pages_for(n_past_ + n); ++index) {
    pages_.emplace_back();
    take_page(PageKind::whole, index);
    if (static_cast<int64_t>(index) >= n_gone_) take_page(PageKind::recent, index);
  }
}

void State::make_room(int64_t n, int64_t first_recent) {
  n_gone_ = pools_.have(PageKind::recent) ? first_recent / kPageRows : 0;
  make_room(n);
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
  const bool can_go_back = !is_recurrent() && first_recent() <= std::max<int64_t>(0, n - reach_);
  n_past_ = can_go_back ? n : 0;
  if (!can_go_back) n_gone_ = 0;
  if (pools_.have_any()) pages_.resize(static_cast<size_t>(pages_for(n_past_)));
  return n_past_;
}

void State::share(const State& other, int64_t n) {
  const size_t n_pages = pools_.have_any() ? static_cast<size_t>(pages_for(n)) : 0;
  adopt(other.pages().first(n_pages), other.slots(), n, other.has_long_keys());
}

void State::adopt(std::span<const PageSet> pages, std::span<const std::byte> slots, int64_t n, bool has_long_keys) {
  if (n > capacity_)
    throw Error(ErrorCode::context_full, "state: " + std::to_string(n) + " positions do not fit into " +
                                             std::to_string(capacity_) + "; load with a longer context (--ctx)");
  pages_.assign(pages.begin(), pages.end());
  fill_tables();
  if (!slots.empty()) std::memcpy(slots_.data(), slots.data(), slots.size());
  n_past_ = n;
  has_long_keys_ = has_long_keys;
}

void State::fill_tables() {
  n_gone_ = 0;
  for (size_t index = 0; index < pages_.size(); ++index) {
    for (const PageKind kind : kPageKinds) {
      if (!pools_.have(kind)) continue;
      const PagePool::Page& page = pages_[index][kind];
      tables_[static_cast<size_t>(kind)][index] = page ? page.data() : nullptr;
      if (!page) n_gone_ = static_cast<int64_t>(index) + 1;
    }
  }
}

}  // namespace tidemill
