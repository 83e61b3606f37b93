// Log-probabilities of tokens, as Event tells of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tidemill/engine.h"

namespace tidemill {

// Notes of tokens, one token's behind the other's: its own log-probability first, then those of the most likely ones.
class Logprobs {
 public:
  // With the `n_likely` most likely tokens for each.
  explicit Logprobs(size_t n_likely) : n_likely_(n_likely) {}

  // Notes `id` by the scores [vocab_size] from which it was chosen, or could have been.
  void add(int32_t id, std::span<const float> logits);
  void clear() { notes_.clear(); }

  std::span<const TokenLogprob> all() const { return notes_; }
  // Those of the token that was added as number `index`; empty when it was not.
  std::span<const TokenLogprob> of(size_t index) const;

 private:
  size_t n_likely_;
  size_t n_each_ = 0;  // notes of one token
  std::vector<TokenLogprob> notes_;
  std::vector<int32_t> ranked_;  // buffer: ids by their scores
};

}  // namespace tidemill
