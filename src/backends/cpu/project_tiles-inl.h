// How a piece of a linear layer is cut into tiles, whatever the numbers that it multiplies.
//
// Kernel is a struct with
//   Task: n_rows, bias, activation, n_out, out and out_stride of a piece; `panels`, `panel_stride` bytes apart; the
//     `n_steps` of a tile's loop, each of which reads kStepBytes of a panel;
//   kPanels, kRows: the largest tile;
//   run<kRows, kPanels>(task, row, bias, ahead, out, out_stride), which computes one.
//
// Included once per target by the .cpp files that use foreach_target.h.
#if defined(TIDEMILL_BACKENDS_CPU_PROJECT_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_BACKENDS_CPU_PROJECT_TILES_INL_H_
#undef TIDEMILL_BACKENDS_CPU_PROJECT_TILES_INL_H_
#else
#define TIDEMILL_BACKENDS_CPU_PROJECT_TILES_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "backends/cpu/activation-inl.h"
#include "backends/cpu/ahead.h"
#include "tensor/panels.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// Tiles of kRows rows as long as there are so many, then of half as many.
template <class Kernel, int kRows, int kPanels>
void run_rows(const typename Kernel::Task& task, const float* bias, const Ahead& ahead, int64_t row) {
  constexpr int64_t kWidth = kPanels * kPanelRows;
  const int64_t width = std::min(kWidth, task.n_out);
  for (; row + kRows <= task.n_rows; row += kRows) {
    float* const out = task.out + row * task.out_stride;
    const Ahead mine = ahead.of_tile(row / Kernel::kRows, task.n_steps);
    if (width == kWidth) {
      Kernel::template run<kRows, kPanels>(task, row, bias, mine, out, task.out_stride);
    } else {
      HWY_ALIGN float whole[kRows * kWidth];
      Kernel::template run<kRows, kPanels>(task, row, bias, mine, whole, kWidth);
      for (int r = 0; r < kRows; ++r) std::copy_n(whole + r * kWidth, width, out + r * task.out_stride);
    }
    for (int r = 0; r < kRows; ++r) {
      float* const values = out + r * task.out_stride;
      if (task.activation != Activation::identity) activate_values(task.activation, values, values, width);
    }
  }
  if constexpr (kRows > 1) run_rows<Kernel, kRows / 2, kPanels>(task, bias, ahead, row);
}

template <class Kernel, int kPanels>
void run_panels(const typename Kernel::Task& task) {
  constexpr int64_t kWidth = kPanels * kPanelRows;
  HWY_ALIGN float bias[kWidth] = {};
  if (task.bias != nullptr) std::copy_n(task.bias, std::min(kWidth, task.n_out), bias);
  const int64_t n_tiles = (task.n_rows + Kernel::kRows - 1) / Kernel::kRows;
  const Ahead ahead(task.panels + kPanels * task.panel_stride, kPanels * Kernel::Task::kStepBytes, n_tiles);
  run_rows<Kernel, Kernel::kRows, kPanels>(task, bias, ahead, 0);
}

// All panels of the task.
template <class Kernel>
void run_tiles(const typename Kernel::Task& task) {
  typename Kernel::Task rest = task;
  while (rest.n_out > 0) {
    const bool is_wide = rest.n_out > (Kernel::kPanels - 1) * kPanelRows;
    is_wide ? run_panels<Kernel, Kernel::kPanels>(rest) : run_panels<Kernel, 1>(rest);
    const int64_t n = is_wide ? Kernel::kPanels : 1;
    rest.panels += n * rest.panel_stride;
    rest.out += n * kPanelRows;
    rest.n_out -= n * kPanelRows;
    if (rest.bias != nullptr) rest.bias += n * kPanelRows;
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include once per target
