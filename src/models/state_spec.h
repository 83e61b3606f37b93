// StateSpec: what a sequence keeps between steps.
//
// Deliberately not called a KV cache: recurrent models keep a slot per layer instead of one entry per position, and
// need the same lease, truncate and save.  A model says what it needs; runtime/state.h holds it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tidemill/tensor.h"

namespace tidemill {

// What one layer keeps.  Layers of attention have a kv_width, recurrent ones a slot; a hybrid model has both kinds.
struct LayerStateSpec {
  int64_t kv_width = 0;   // n_kv_heads * head_dim: elements of the keys, and of the values, per position
  int64_t window = 0;     // positions that a query sees, its own among them; 0: all
  int64_t slot_size = 0;  // f32 numbers, whatever the number of positions
};

// What becomes of keys in texts that are longer than `length` tokens, where a rotary embedding changes there (longrope,
// dynamic; models/rope.h).
struct LongerTexts {
  int64_t length = 0;  // 0: keys are the same in all texts
  // false: all keys are others, and always the same: what is held is read anew where a text becomes longer.
  // true: they change with each further token, and those that are held stay as they are, as in transformers; a prompt
  // is read with the keys of its length.
  bool changes_on = false;

  bool contains(int64_t n_tokens) const { return length > 0 && n_tokens > length; }
};

// Keys and values of layers that see all positions lie in other pages than those of layers with a window, which are
// given back once no query can see them.
enum class PageKind : uint8_t { whole, recent };
inline constexpr std::array kPageKinds = {PageKind::whole, PageKind::recent};
constexpr PageKind kind_of(const LayerStateSpec& layer) {
  return layer.window > 0 ? PageKind::recent : PageKind::whole;
}

struct StateSpec {
  std::vector<LayerStateSpec> layers;
  LongerTexts longer = {};

  // Bytes of a page: kPageRows positions (ops/paged_rows.h) of all layers of that kind, keys and values of `dtype`; 0
  // where there are none.
  int64_t page_bytes(PageKind kind, DType dtype) const;
  // How many positions before the next one layers with a window need: the longest of the windows, and a page.
  int64_t reach() const;
  // How many they keep, so that a sequence can go back by some.
  int64_t n_recent() const { return 2 * reach(); }
  // Bytes of all slots.
  int64_t slot_bytes() const;
  bool is_recurrent() const { return slot_bytes() > 0; }

  // Bytes one sequence of `capacity` positions takes at most, when no step adds more than `step` of them: slots and
  // pages.
  int64_t size_bytes(int64_t capacity, DType dtype, int64_t step) const;
};

// Pages that hold `n` positions.
int64_t pages_for(int64_t n);

}  // namespace tidemill
