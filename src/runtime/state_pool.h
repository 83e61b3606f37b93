// StatePool: the states of sequences, lent out and taken back.
//
// A state has memory for the positions that it holds and no others, so a long context costs nothing until it is used.
// Pages that come back keep their memory for the next sequence.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/state.h"

namespace tidemill {

class StatePool {
 public:
  // States of `capacity` positions, at most `max_states` at once, elements of `dtype`.
  StatePool(StateSpec spec, int64_t capacity, DType dtype, int64_t max_states);

  // Gives its state back to the pool when it goes.  The pool outlives its leases.
  struct Return {
    StatePool* pool;
    void operator()(State* state) const { pool->give_back(state); }
  };
  using Lease = std::unique_ptr<State, Return>;

  // An empty state.  Throws out_of_memory when all are lent or the system refuses.  Thread-safe.
  Lease acquire();

  const StateSpec& spec() const { return spec_; }
  int64_t capacity() const { return capacity_; }
  // Whether its states cannot go back (State::is_recurrent).
  bool is_recurrent() const { return spec_.is_recurrent(); }
  // At most, with steps of `step` positions.
  int64_t bytes_per_state(int64_t step) const { return spec_.size_bytes(capacity_, dtype_, step); }
  DType dtype() const { return dtype_; }  // of keys and values
  const PagePools& pages() const { return pages_; }
  int64_t n_lent() const;
  // Of lent states, and of pages that others keep.
  int64_t taken_bytes() const;  // from the system: more than is used, once sequences have ended
  int64_t used_bytes() const;

 private:
  struct Slot {
    State state;
    bool lent = false;
  };
  void give_back(State* state);

  StateSpec spec_;
  int64_t capacity_;
  DType dtype_;
  int64_t max_states_;
  PagePools pages_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Slot>> slots_;
};

}  // namespace tidemill
