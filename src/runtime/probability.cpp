#include "tidemill/probability.h"

#include <algorithm>
#include <cmath>

namespace tidemill {

double log_sum_exp(std::span<const float> logits) {
  if (logits.empty()) return -HUGE_VAL;
  const double greatest = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (float logit : logits) total += std::exp(logit - greatest);
  return greatest + std::log(total);
}

int32_t arg_max(std::span<const float> logits) {
  // Two passes: the compiler vectorises the maximum, and the search stops at the first hit.
  float greatest = -HUGE_VALF;
  for (float logit : logits) greatest = logit > greatest ? logit : greatest;
  const auto found = std::find(logits.begin(), logits.end(), greatest);
  return found == logits.end() ? -1 : static_cast<int32_t>(found - logits.begin());
}

}  // namespace tidemill
