// What a cache tells of itself.
#pragma once

#include <cstdint>

namespace tidemill {

// What a cache did since it was made, and what it holds.  A cache that keeps no count of something leaves it 0.
struct CacheStatistics {
  int64_t hits = 0;
  int64_t misses = 0;
  int64_t evictions = 0;    // for want of room
  int64_t expirations = 0;  // by age
  int64_t entries = 0;
  int64_t bytes = 0;

  double hit_rate() const {
    return hits + misses == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(hits + misses);
  }
};

}  // namespace tidemill
