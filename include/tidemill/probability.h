// Probabilities and choices from scores.
#pragma once

#include <cstdint>
#include <span>

namespace tidemill {

// log of the sum of e^logit, accumulated in double; a token's log-probability is its logit less this.
double log_sum_exp(std::span<const float> logits);

// Index of the greatest score, the lowest index among equals; NaN is never the greatest.  -1 when all are NaN.
int32_t arg_max(std::span<const float> logits);

}  // namespace tidemill
