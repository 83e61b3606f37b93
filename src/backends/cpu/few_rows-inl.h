// Products of a few rows, as when some sequences are decoded together or guesses are checked: weights are unpacked in
// registers and meet all rows at once, so that memory sets the pace as it does for one row.
//
// Included once per target by the .cpp files that use foreach_target.h.
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/task.h"

#if defined(TIDEMILL_BACKENDS_CPU_FEW_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_BACKENDS_CPU_FEW_ROWS_INL_H_
#undef TIDEMILL_BACKENDS_CPU_FEW_ROWS_INL_H_
#else
#define TIDEMILL_BACKENDS_CPU_FEW_ROWS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// So many rows at once: the registers hold two integer sums and one of floats for each.  And at most so many in all:
// with more of them weights are unpacked into memory once (gemm.cpp).
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3
inline constexpr int kFewRows = 8, kMostFewRows = 32;
#elif HWY_TARGET == HWY_AVX2
inline constexpr int kFewRows = 2, kMostFewRows = 2;
#else
inline constexpr int kFewRows = 1, kMostFewRows = 1;
#endif

// Some of the rows that meet a panel, one after the other: rows [first, first + n) of n_rows.
struct FewRows {
  int64_t first, n, n_rows;

  int64_t n_tiles() const { return (n_rows + kFewRows - 1) / kFewRows; }
  int64_t tile() const { return first / kFewRows; }
  // The row that the sums of row `r` of the tile are of: the last one again for those that lack.
  int64_t row(int r) const { return first + std::min<int64_t>(r, n - 1); }
};

// Calls body(std::integral_constant<int, R>()) with the power of two that rows.n of 1..kFewRows go into.
template <int kRows = 1, typename Body>
HWY_INLINE void with_rows(const FewRows& rows, const Body& body) {
  if constexpr (kRows < kFewRows) {
    if (rows.n > kRows) return with_rows<2 * kRows>(rows, body);
  }
  body(std::integral_constant<int, kRows>());
}

// The same for all tiles of n_rows rows; body(R, rows).
template <typename Body>
HWY_INLINE void for_each_few(int64_t n_rows, const Body& body) {
  for (FewRows rows{0, 0, n_rows}; rows.first < n_rows; rows.first += kFewRows) {
    rows.n = std::min<int64_t>(kFewRows, n_rows - rows.first);
    with_rows(rows, [&](auto kind) HWY_ATTR { body(kind, rows); });
  }
}

// Asks for what lies behind `n_bytes` bytes of a panel that are used now.  Whoever reads a panel does so for all its
// bytes, scales too: what lies behind these may be units, and a few lines that nobody has asked for stop all that
// follow.
HWY_INLINE void prefetch_behind(const uint8_t* panel, int n_bytes) {
  for (int line = 0; line < n_bytes; line += kVectorBytes) prefetch_weights(panel + line);
}

// Stores the sums of panel `panel`, without those of rows that the matrix lacks.
template <int kRows>
HWY_INLINE void store_panel(const Floats (&sums)[kRows], const FewRows& rows, const Product& product, int64_t panel) {
  const int64_t n = std::min<int64_t>(kPanelRows, product.n_rows - panel * kPanelRows);
  float* out = product.out + rows.first * product.out_stride + panel * kPanelRows;
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r, out += product.out_stride) {
    if (r >= rows.n) return;
    if (n == kPanelRows) {
      store_floats_unaligned(sums[r], out);
    } else {
      HWY_ALIGN float result[kPanelRows];
      store_floats(sums[r], result);
      std::copy_n(result, n, out);
    }
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include once per target
