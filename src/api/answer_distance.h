// How far what a model says of a text is from what another one, or the same before something was done to it, says.
#pragma once

#include <span>
#include <vector>

#include "tidemill/tensor.h"

namespace tidemill {

// The Kullback-Leibler divergence in nats of the next token, of whose scores the totals are log_sum_exp; 0 for those
// that are logarithms of probabilities already.
double divergence(std::span<const float> truth, double truth_total, std::span<const float> other, double other_total);

// What an encoder says: the mean of its hidden states.
std::vector<float> mean_state(const Tensor& hidden);
// 1 where either is nothing.
double one_less_cosine(std::span<const float> a, std::span<const float> b);

}  // namespace tidemill
