// StateSpec and State: what a sequence keeps between steps.
//
// Deliberately not called a KV cache: recurrent models keep a slot per layer instead of one entry per position, and
// need the same lease, truncate and save.  A model says what it needs (StateSpec); runtime/state_pool.h owns memory.
#pragma once

#include <cstdint>
#include <vector>

#include "tidemill/tensor.h"

namespace tidemill {

// What one layer keeps: keys and values of `width` elements per position.
struct LayerStateSpec {
  int64_t width = 0;  // n_kv_heads * head_dim
};

struct StateSpec {
  std::vector<LayerStateSpec> layers;

  // Bytes one sequence of `capacity` positions takes when elements are of `dtype`.
  int64_t size_bytes(int64_t capacity, DType dtype) const;
};

// One layer's memory of one sequence: [capacity, width] each.
struct LayerState {
  Tensor keys;
  Tensor values;
};

// One sequence's memory: views of memory that the pool owns.
struct State {
  std::vector<LayerState> layers;
  int64_t capacity = 0;  // positions it can hold
  int64_t n_past = 0;    // positions it holds

  // Forgets all positions from `n` on; n <= n_past.
  void truncate(int64_t n) { n_past = n; }
};

}  // namespace tidemill
