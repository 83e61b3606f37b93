// How much work is worth a fork.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tidemill {

// Elements of simple streaming work in one piece: a few microseconds, which is what a fork and join costs.  Less than
// that stays on the calling thread.
inline constexpr int64_t kElementsPerPiece = 16384;

// The same in rows of `width` elements; at least 1.
constexpr int64_t rows_per_piece(int64_t width) {
  return std::max<int64_t>(1, kElementsPerPiece / std::max<int64_t>(1, width));
}

}  // namespace tidemill
