// State: one sequence's memory between steps, in pages that sequences share as far as they begin alike.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/state_spec.h"
#include "ops/paged_rows.h"
#include "runtime/page_pool.h"
#include "tidemill/tensor.h"

namespace tidemill {

// One layer's memory of one sequence; what the layer does not keep is empty.
struct LayerState {
  PagedRows keys;    // [capacity, kv_width]
  PagedRows values;  // [capacity, kv_width]
  Tensor slot;       // f32 [slot_size]
};

class State {
 public:
  // Of no position yet; takes pages of `pool`, which outlives it, as positions come.
  State(const StateSpec& spec, PagePool& pool, int64_t capacity, DType dtype);
  State(const State&) = delete;  // the layers point into it
  State& operator=(const State&) = delete;

  std::span<const LayerState> layers() const { return layers_; }
  int64_t capacity() const { return capacity_; }  // positions that it can hold
  int64_t n_past() const { return n_past_; }      // positions that it holds

  // Whether a layer keeps a slot: what it has seen cannot be taken back.
  bool is_recurrent() const { return slots_.size_bytes() > 0; }
  std::span<std::byte> slots() const { return {slots_.data(), static_cast<size_t>(slots_.size_bytes())}; }
  // Those of its positions; the last one may hold fewer than kPageRows.
  std::span<const PagePool::Page> pages() const { return pages_; }

  // What a text's length says of keys (LongerTexts).  Whether tokens may follow that make it `n_tokens` long: where
  // not, what it holds must be read anew first.
  bool can_become(int64_t n_tokens) const;
  // Whether it is what a prompt of `n_tokens` begins with, read as such.
  bool begins_text_of(int64_t n_tokens) const;
  // How many tokens may follow, `most` at most, beyond the next one whose keys are as that one's.
  int64_t n_alike(int64_t most) const;
  // Its next positions belong to a text of `n_tokens`, which it can become.
  void join_text_of(int64_t n_tokens);
  bool has_long_keys() const { return has_long_keys_; }
  const LongerTexts& longer_texts() const { return longer_; }

  // Lets `n` more positions be written: takes pages for them, and a copy of the last page where others use it, too.
  // Throws out_of_memory, with nothing changed.
  void make_room(int64_t n);
  // The next `n` positions have been written, after make_room().
  void advance(int64_t n) { n_past_ += n; }
  // Forgets positions from `n` on, n <= n_past.  Returns how many it holds then: n, or none where a layer is recurrent,
  // which cannot go back.
  int64_t truncate(int64_t n);

  // Forgets everything.
  void clear() { adopt({}, {}, 0, false); }

  // Becomes what `other`, a state of the same model, was at its first `n` positions: all that it holds, or fewer where
  // no layer is recurrent.  Shares its pages.  Throws context_full when its capacity is too small for that.
  void share(const State& other, int64_t n);
  // Becomes the state of `n` positions that `pages` and `slots` hold, `has_long_keys` as theirs has been.
  void adopt(std::span<const PagePool::Page> pages, std::span<const std::byte> slots, int64_t n, bool has_long_keys);

 private:
  void take_page();

  PagePool& pool_;
  int64_t capacity_;
  LongerTexts longer_;
  bool has_long_keys_ = false;  // of a text longer than longer_.length
  int64_t n_past_ = 0;
  Storage slots_;  // of all layers
  std::vector<PagePool::Page> pages_;
  std::vector<std::byte*> table_;  // where they are; its own memory never moves
  std::vector<LayerState> layers_;
};

}  // namespace tidemill
