// ScoreReach: which scores of a vocabulary matter for the choice of a token.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

namespace tidemill {

// Those that are not below the greatest one less `below_best`, and not below the greatest but top_k - 1 (0: any
// number).
struct ScoreReach {
  float below_best = std::numeric_limits<float>::infinity();
  int32_t top_k = 0;

  bool is_all() const { return below_best == std::numeric_limits<float>::infinity() && top_k == 0; }
};

// The least score in reach among `scores`; NaN is none of them, and -infinity when there are no others.
float least_in_reach(std::span<const float> scores, const ScoreReach& reach);

}  // namespace tidemill
