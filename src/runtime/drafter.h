// Drafter: guesses what follows a text, cheaper than the model says it.  A wrong guess costs time, never a wrong token.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tidemill {

// Used by one thread at a time.
class Drafter {
 public:
  virtual ~Drafter() = default;

  // On how many ids at the end of `text` a guess would rest, the more the surer; 0: there is no guess.
  virtual int64_t evidence(std::span<const int32_t> text) = 0;
  // Appends `n` ids, or fewer, that may follow `text`, the one that `evidence` was asked for last.
  virtual void append_guess(std::vector<int32_t>& text, int64_t n) = 0;
  // What a guessed id takes; 0 when that is nothing beside a pass of the model.
  virtual double seconds_per_id() const { return 0; }
};

}  // namespace tidemill
