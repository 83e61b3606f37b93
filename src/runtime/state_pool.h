// StatePool: the memory of sequences, lent out and taken back.
//
// A state's memory is reserved for its whole capacity but only committed by the system where it is touched, so a long
// context costs nothing until it is used.  States that come back keep their memory for the next sequence.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "models/state.h"
#include "tensor/storage.h"

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

  int64_t capacity() const { return capacity_; }
  // Whether its states cannot go back (State::is_recurrent).
  bool is_recurrent() const;
  int64_t bytes_per_state() const { return spec_.size_bytes(capacity_, dtype_); }
  int64_t n_lent() const;

 private:
  struct Slot {
    Storage memory;
    State state;
    bool lent = false;
  };
  void give_back(State* state);
  std::unique_ptr<Slot> make_slot() const;

  StateSpec spec_;
  int64_t capacity_;
  DType dtype_;
  int64_t max_states_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Slot>> slots_;
};

}  // namespace tidemill
