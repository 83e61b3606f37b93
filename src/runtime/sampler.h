// Sampler: logits -> token.  Knows nothing of the model.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "ops/operations.h"
#include "sys/random.h"
#include "tidemill/sampling.h"

namespace tidemill {

class Sampler {
 public:
  // Throws invalid_argument for options out of range.
  explicit Sampler(const SamplingOptions& options);

  // Tells the sampler of a token of the sequence, prompt tokens first, so that penalties see it.
  void accept(int32_t id);
  // Chooses the next token; does not `accept` it.  Equal scores: the lowest id wins.  Tokens whose score is NaN are
  // never chosen.  Throws internal when no score is a number.
  int32_t sample(std::span<const float> logits);
  // The scores that `sample` needs next: with others put at -infinity it chooses the same token.
  ScoreReach reach() const;
  // Whether `sample` takes the greatest score, as it stands or as penalties and biases make it.
  bool is_greedy() const { return options_.temperature == 0 || options_.top_k == 1; }

 private:
  struct Candidate {
    float logit;
    int32_t id;
  };
  bool is_plain() const;
  void adjust(std::span<float> logits) const;
  void collect(std::span<const float> logits);
  int32_t draw();

  SamplingOptions options_;
  bool penalises_;  // else recent tokens change nothing, and are not kept
  Random random_;
  std::deque<int32_t> recent_;
  std::unordered_map<int32_t, int32_t> counts_;  // of recent_
  std::vector<float> adjusted_;
  std::vector<Candidate> candidates_;
};

}  // namespace tidemill
