// How work is cut into pieces, and how much of it is worth a fork.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tidemill {

constexpr int64_t ceil_div(int64_t n, int64_t divisor) {
  return (n + divisor - 1) / divisor;
}
constexpr int64_t round_up(int64_t n, int64_t multiple) {
  return ceil_div(n, multiple) * multiple;
}

// Elements of simple streaming work in one piece: a few microseconds, which is what a fork and join costs.  Less than
// that stays on the calling thread.
inline constexpr int64_t kElementsPerPiece = 16384;

// The same in rows of `width` elements; at least 1.
constexpr int64_t rows_per_piece(int64_t width) {
  return std::max<int64_t>(1, kElementsPerPiece / std::max<int64_t>(1, width));
}

}  // namespace tidemill
