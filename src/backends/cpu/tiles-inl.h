// What the products of several rows have in common: a task's rows cut into tiles, whose sums stay in registers while a
// block of k passes.
//
// Included once per target by the .cpp files that use foreach_target.h.
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/task.h"

#if defined(TIDEMILL_BACKENDS_CPU_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_BACKENDS_CPU_TILES_INL_H_
#undef TIDEMILL_BACKENDS_CPU_TILES_INL_H_
#else
#define TIDEMILL_BACKENDS_CPU_TILES_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// Rows of the next smaller tile.
constexpr int fewer_rows(int rows) {
  return rows > 4 ? 4 : rows / 2;
}

// How many tiles of at most `rows` rows cover n_rows.
constexpr int64_t tile_count(int rows, int64_t n_rows) {
  int64_t n = 0;
  for (; rows > 0; n_rows %= rows, rows = fewer_rows(rows)) n += n_rows / rows;
  return n;
}

// Calls tile.run<rows>(panel, row) for tiles that cover rows [first, end) of the task and all of its panels: of kRows
// rows as long as so many are left, then of fewer.  Tile::kPanels: how many panels one covers.
template <int kRows, typename Tile>
void for_each_tile(const Tile& tile, int64_t first, int64_t end) {
  static_assert(kTaskPanels % Tile::kPanels == 0);
  for (; first + kRows <= end; first += kRows) {
    for (int panel = 0; panel < kTaskPanels; panel += Tile::kPanels) tile.template run<kRows>(panel, first);
  }
  if constexpr (kRows > 1) for_each_tile<fewer_rows(kRows)>(tile, first, end);
}

// Adds a tile's sums to those of earlier blocks of k; rows of `sums` are kTaskPanels * 16 floats.
template <int kRows, int kPanels>
HWY_INLINE void add_to_sums(const Floats (&acc)[kRows][kPanels], float* sums) {
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    TIDEMILL_UNROLL
    for (int p = 0; p < kPanels; ++p) {
      float* sum = sums + (r * kTaskPanels + p) * kPanelRows;
      store_floats(load_floats(sum) + acc[r][p], sum);
    }
  }
}

// Makes the compiler load anew what it has already loaded through this pointer, and keep the pointer itself instead of
// making it each time from where it came.
template <typename T>
HWY_INLINE void forget_origin(T*& pointer) {
  asm("" : "+r"(pointer));
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include once per target
