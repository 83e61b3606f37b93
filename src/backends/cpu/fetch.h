// Memory that is asked for before it is used.
#pragma once

#include <cstdint>

#include "tensor/panels.h"

namespace tidemill {

inline constexpr int kSecondLevelCache = 2;  // as __builtin_prefetch counts

// Fetches `size_bytes` bytes into the second-level cache; kWrite: to be written.
template <int kWrite = 0>
void fetch(const uint8_t* p, int64_t size_bytes) {
  for (int64_t at = 0; at < size_bytes; at += kVectorBytes) __builtin_prefetch(p + at, kWrite, kSecondLevelCache);
}

}  // namespace tidemill
