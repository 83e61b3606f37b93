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

// At most so many rows: the registers hold two integer sums and one of floats for each.
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3
inline constexpr int kFewRows = 8;
#elif HWY_TARGET == HWY_AVX2
inline constexpr int kFewRows = 2;
#else
inline constexpr int kFewRows = 1;
#endif

// Calls body(std::integral_constant<int, R>()) with the power of two that n_rows of 1..kFewRows go into; where they are
// fewer the last one stands for those that lack, and its sums are not stored.
template <int kRows = 1, typename Body>
HWY_INLINE void with_rows(int64_t n_rows, const Body& body) {
  if constexpr (kRows < kFewRows) {
    if (n_rows > kRows) return with_rows<2 * kRows>(n_rows, body);
  }
  body(std::integral_constant<int, kRows>());
}

// Stores the sums of panel `panel` for rows 0..n_rows - 1, without those of rows that the matrix lacks.
template <int kRows>
HWY_INLINE void store_panel(const Floats (&sums)[kRows], int64_t n_rows, const Product& product, int64_t panel) {
  const int64_t n = std::min<int64_t>(kPanelRows, product.n_rows - panel * kPanelRows);
  float* out = product.out + panel * kPanelRows;
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r, out += product.out_stride) {
    if (r >= n_rows) return;
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
