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
  PagedRows keys;                   // [capacity, kv_width]
  PagedRows values;                 // [capacity, kv_width]
  Tensor slot;                      // f32 [slot_size]
  PageKind kind = PageKind::whole;  // of the pages that keys and values lie in
};

// Where pages come from, and the pages of kPageRows positions: one for each kind, none where it has no layers or, of
// PageKind::recent, where no query can see those positions any more.
struct PagePools {
  PagePools(const StateSpec& spec, DType dtype)
      : of{PagePool(spec.page_bytes(PageKind::whole, dtype)), PagePool(spec.page_bytes(PageKind::recent, dtype))} {}
  PagePool& operator[](PageKind kind) { return of[static_cast<size_t>(kind)]; }
  const PagePool& operator[](PageKind kind) const { return of[static_cast<size_t>(kind)]; }
  bool have(PageKind kind) const { return (*this)[kind].page_bytes() > 0; }
  bool have_any() const { return have(PageKind::whole) || have(PageKind::recent); }

  std::array<PagePool, kPageKinds.size()> of;
};
struct PageSet {
  PagePool::Page& operator[](PageKind kind) { return of[static_cast<size_t>(kind)]; }
  const PagePool::Page& operator[](PageKind kind) const { return of[static_cast<size_t>(kind)]; }

  std::array<PagePool::Page, kPageKinds.size()> of = {};
};

class State {
 public:
  // Of no position yet; takes pages of `pools`, which outlive it, as positions come.
  State(const StateSpec& spec, PagePools& pools, int64_t capacity, DType dtype);
  State(const State&) = delete;  // the layers point into it
  State& operator=(const State&) = delete;

  std::span<const LayerState> layers() const { return layers_; }
  int64_t capacity() const { return capacity_; }  // positions that it can hold
  int64_t n_past() const { return n_past_; }      // positions that it holds

  // Whether a layer keeps a slot: what it has seen cannot be taken back.
  bool is_recurrent() const { return slots_.size_bytes() > 0; }
  std::span<std::byte> slots() const { return {slots_.data(), static_cast<size_t>(slots_.size_bytes())}; }
  // Those of its positions; the last one may hold fewer than kPageRows.
  std::span<const PageSet> pages() const { return pages_; }
  // Positions before which layers with a window hold nothing.
  int64_t first_recent() const { return n_gone_ * kPageRows; }
  int64_t reach() const { return reach_; }  // StateSpec

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
  // Gives back what no query will see.  Throws out_of_memory, with no position changed.
  void make_room(int64_t n);
  // The same for an empty state that is restored: of the positions before `first_recent`, a multiple of kPageRows,
  // layers with a window hold nothing.
  void make_room(int64_t n, int64_t first_recent);
  // The next `n` positions have been written, after make_room().
  void advance(int64_t n) { n_past_ += n; }
  // Forgets positions from `n` on, n <= n_past.  Returns how many it holds then: n, or none where it cannot go back: a
  // layer is recurrent, or one with a window has given back what it saw there.
  int64_t truncate(int64_t n);

  // Forgets everything.
  void clear() { adopt({}, {}, 0, false); }

  // Becomes what `other`, a state of the same model, was at its first `n` positions: all that it holds, or fewer where
  // that one could go back to them.  Shares its pages.  Throws context_full when its capacity is too small for that.
  void share(const State& other, int64_t n);
  // Becomes the state of `n` positions that `pages` and `slots` hold, `has_long_keys` as theirs has been.
  void adopt(std::span<const PageSet> pages, std::span<const std::byte> slots, int64_t n, bool has_long_keys);

 private:
  using Table = std::vector<std::byte*>;

  void take_page(PageKind kind, size_t index);
  void give_back_unseen();
  void own_last_page();
  void fill_tables();

  PagePools& pools_;
  int64_t capacity_;
  int64_t reach_, n_recent_;  // StateSpec
  LongerTexts longer_;
  bool has_long_keys_ = false;  // of a text longer than longer_.length
  int64_t n_past_ = 0;
  Storage slots_;  // of all layers
  std::vector<PageSet> pages_;
  int64_t n_gone_ = 0;                           // of the first pages those that hold nothing of layers with a window
  std::array<Table, kPageKinds.size()> tables_;  // where they are; their own memory never moves
  std::vector<LayerState> layers_;
};

}  // namespace tidemill
