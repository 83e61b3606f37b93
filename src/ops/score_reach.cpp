#include "ops/score_reach.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <vector>

namespace tidemill {

float least_in_reach(std::span<const float> scores, const ScoreReach& reach) {
  std::vector<float> numbers;
  std::copy_if(scores.begin(), scores.end(), std::back_inserter(numbers),
               [](float score) { return !std::isnan(score); });
  constexpr float kLeast = -std::numeric_limits<float>::infinity();
  if (numbers.empty()) return kLeast;
  const float best = *std::max_element(numbers.begin(), numbers.end());
  const float least = reach.below_best == -kLeast ? kLeast : best - reach.below_best;
  const auto top_k = static_cast<size_t>(reach.top_k);
  if (top_k == 0 || top_k > numbers.size()) return least;
  const auto last = numbers.begin() + static_cast<std::ptrdiff_t>(top_k) - 1;
  std::nth_element(numbers.begin(), last, numbers.end(), std::greater<>());
  return std::max(least, *last);
}

}  // namespace tidemill
