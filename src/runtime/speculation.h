// Speculation: guessed ids are fed together with the one that was chosen last, and verified by one pass.
// Leviathan et al. 2023, arXiv:2211.17192.
//
// Exact by construction: the scores of a row do not depend on the rows behind it, nor on how many there are, and from
// each row's scores the sampler chooses as it would have chosen anyway.  A guess is right when it is that id; then the
// next row's scores are those of the true text, too.  What was guessed wrong is forgotten.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/drafter.h"
#include "runtime/pass_cost.h"

namespace tidemill {

// How often guesses have come true, by the evidence that they rested upon.
class GuessRecord {
 public:
  void add(int64_t evidence, bool is_right);
  double probability(int64_t evidence) const;

 private:
  // Evidence of 1, of 2 to 3, of 4 to 7, of 8 and more.  Begins with as much as four guesses would have told.
  static constexpr size_t kClasses = 4;
  static size_t class_of(int64_t evidence);
  struct Counts {
    double n_right, n;
  };
  std::array<Counts, kClasses> counts_{{{1, 4}, {1.6, 4}, {2.4, 4}, {3.2, 4}}};
};

class Speculation {
 public:
  static constexpr int64_t kMost = 15;  // guesses a pass: with the chosen id, as many rows as scores are computed for

  // Throws invalid_argument unless `wanted` is what Request::speculate may be.
  static void validate(int64_t wanted);

  // `wanted`: Request::speculate.  `drafter` outlives this object.
  Speculation(int64_t wanted, Drafter& drafter) : wanted_(wanted), drafter_(&drafter) { guesses_.reserve(kMost); }

  // Appends guesses to `text`, whose last id is chosen but not yet fed, `most` at most, and their rows to `load`.
  void propose(std::vector<int32_t>& text, int64_t most, PassLoad& load);
  // Takes the id that was chosen by the scores of the next row; true when the scores of the row behind it are the
  // text's, too.
  bool verify(int32_t chosen);

  int64_t n_proposed() const { return n_proposed_; }  // in all
  int64_t n_right() const { return n_right_; }

 private:
  int64_t worth(int64_t evidence, int64_t most, PassLoad& load) const;

  int64_t wanted_;
  Drafter* drafter_;
  GuessRecord record_;
  // The guesses of this pass.  One more than is fed may be among them: whether it would have been right is known, too.
  std::vector<int32_t> guesses_;
  int64_t n_fed_ = 0;
  size_t n_verified_ = 0;
  int64_t evidence_ = 0;     // of the first
  int64_t n_unguessed_ = 0;  // passes since a guess that costs time was last made
  int64_t n_proposed_ = 0, n_right_ = 0;
};

}  // namespace tidemill
