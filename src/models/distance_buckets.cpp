#include "models/distance_buckets.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace tidemill {

std::vector<int32_t> distance_buckets(int64_t n_buckets, int64_t farthest) {
  const int64_t n_each_way = n_buckets / 2, n_exact = n_each_way / 2;
  const float log_range = static_cast<float>(std::log(static_cast<double>(farthest) / static_cast<double>(n_exact)));
  std::vector<int32_t> buckets;
  for (int64_t distance = -farthest; distance <= farthest; ++distance) {
    const int64_t length = std::abs(distance);
    int64_t bucket = length;
    if (length >= n_exact) {
      // In f32, as the models were trained: the borders depend on it.
      const float share = std::log(static_cast<float>(length) / static_cast<float>(n_exact)) / log_range;
      const auto further = static_cast<int64_t>(share * static_cast<float>(n_each_way - n_exact));
      bucket = std::min(n_exact + further, n_each_way - 1);
    }
    buckets.push_back(static_cast<int32_t>(distance > 0 ? n_each_way + bucket : bucket));
  }
  return buckets;
}

}  // namespace tidemill
