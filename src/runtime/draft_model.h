// DraftModel: a small model guesses what a larger one of the same vocabulary will say, its most likely token each time.
#pragma once

#include "runtime/drafter.h"
#include "runtime/runner.h"
#include "runtime/state_pool.h"

namespace tidemill {

class DraftModel final : public Drafter {
 public:
  // `runner` and `states` are the small model's and outlive this object; its states must not be recurrent, for what was
  // guessed wrong is cut off.  Ids from `n_ids` on mean nothing to one of the two models.  Throws out_of_memory.
  DraftModel(Runner& runner, StatePool& states, int32_t n_ids);

  int64_t evidence(std::span<const int32_t> text) override;
  void append_guess(std::vector<int32_t>& text, int64_t n) override;
  double seconds_per_id() const override { return seconds_per_id_; }

 private:
  void feed(std::span<const int32_t> ids);

  Runner& runner_;
  StatePool::Lease state_;
  int32_t n_ids_;
  std::vector<int32_t> held_;  // ids whose effect the state holds
  int32_t likely_ = 0;         // what would follow them
  double seconds_per_id_ = 0;
};

}  // namespace tidemill
