// The buckets that T5 sorts distances between positions into: one for each that is short, and wider ones further off.
// Raffel et al. 2020, arXiv:1910.10683, section 2.1.
#pragma once

#include <cstdint>
#include <vector>

namespace tidemill {

// Buckets of the distances -farthest to farthest of a key from its query, [2 * farthest + 1], for attention both ways:
// keys that come after the query have the upper half of the buckets.  4 <= n_buckets; n_buckets / 4 < farthest.
std::vector<int32_t> distance_buckets(int64_t n_buckets, int64_t farthest);

}  // namespace tidemill
