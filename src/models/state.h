// StateSpec and State: what a sequence keeps between steps.
//
// Deliberately not called a KV cache: recurrent models keep a slot per layer instead of one entry per position, and
// need the same lease, truncate and save.  A model says what it needs (StateSpec); runtime/state_pool.h owns memory.
#pragma once

#include <cstdint>
#include <vector>

#include "tidemill/tensor.h"

namespace tidemill {

// What one layer keeps.  Layers of attention have a kv_width, recurrent ones a slot; a hybrid model has both kinds.
struct LayerStateSpec {
  int64_t kv_width = 0;   // n_kv_heads * head_dim: elements of the keys, and of the values, per position
  int64_t slot_size = 0;  // f32 numbers, whatever the number of positions
};

struct StateSpec {
  std::vector<LayerStateSpec> layers;

  // Bytes one sequence of `capacity` positions takes when keys and values are of `dtype`.
  int64_t size_bytes(int64_t capacity, DType dtype) const;
};

// One layer's memory of one sequence; what the layer does not keep is empty.
struct LayerState {
  Tensor keys;    // [capacity, kv_width]
  Tensor values;  // [capacity, kv_width]
  Tensor slot;    // f32 [slot_size]
};

// One sequence's memory: views of memory that the pool owns.
struct State {
  std::vector<LayerState> layers;
  int64_t capacity = 0;  // positions it can hold
  int64_t n_past = 0;    // positions it holds

  // Whether a layer keeps a slot: what it has seen cannot be taken back.
  bool is_recurrent() const;
  // Forgets positions from `n` on, n <= n_past.  Returns how many it holds then: n, or none where a layer is recurrent,
  // which cannot go back.
  int64_t truncate(int64_t n);
  // Becomes what `other`, a state of the same model, was at its first `n` positions: all that it holds, or fewer where
  // no layer is recurrent.  Throws context_full when its capacity is too small for that.
  void copy_from(const State& other, int64_t n);
};

}  // namespace tidemill
