// Matmul tasks: the pieces that threads take, and the scratch in which a thread unpacks a panel's stretch of k so that
// many rows of activations meet it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/panels.h"
#include "tidemill/dtype.h"

namespace tidemill {

// Superblocks of k that are unpacked at once: 2 panels of 3 superblocks are 24 KiB of units and 6 KiB or 12 KiB of
// scales, which leaves room for the activations in a first-level cache of 48 KiB (or 32).
inline constexpr int kBlockSuperblocks = 3;
inline constexpr int kBlockLength = kBlockSuperblocks * kSuperblockLength;

// The same form for every block format, so that the multiplying kernel knows none.
struct UnitBlock {
  alignas(kVectorBytes) uint8_t units[kBlockLength / 4][kVectorBytes];  // codes, less dot_offset(format); or in pairs
  alignas(kVectorBytes) float scale[kBlockLength / 16][kPanelRows];     // one per part (of scale_length elements)
  alignas(kVectorBytes) float min[kBlockLength / 16][kPanelRows];       // added, times the activations' sum; if any
};

// Likewise as f32, for kernels that do not quantise activations.  Sums start anew at every such block, for accuracy,
// and within it products are summed in two strands: those of even k and those of odd k.  With one, a row of activations
// would wait four cycles at each vector of weights for the sum before, as long as third-level cache takes to bring one.
// Four do not fill tiles: their sums would be stored too often.
inline constexpr int kFloatBlockLength = kSuperblockLength;
inline constexpr int kFloatStrands = 2;
struct FloatBlock {
  alignas(kVectorBytes) float values[kFloatBlockLength][kPanelRows];
};

// Elements 2 i and 2 i + 1 of k side by side for each row, as the products of pairs of bf16 want them.
struct PairBlock {
  alignas(kVectorBytes) uint8_t pairs[kFloatBlockLength / 2][kVectorBytes];
};

inline constexpr int kTaskPanels = 2;  // panels that a task covers
inline constexpr int kTaskRows = 192;  // most rows of a task: their sums and activations stay in second-level cache

// Scratch of one thread.
struct TaskScratch {
  UnitBlock unit_blocks[kTaskPanels];
  FloatBlock float_blocks[kTaskPanels];
  PairBlock pair_blocks[kTaskPanels];
  alignas(kVectorBytes) float sums[kTaskRows][kTaskPanels * kPanelRows];
};

// One weight matrix and where its product goes.
struct Product {
  DType dtype;
  const std::byte* panels;
  int64_t n_rows, n_cols;  // of the matrix
  float* out;              // [rows of x, n_rows]
  int64_t out_stride;      // floats from one row of `out` to the next
  bool is_halved = false;  // in halved panels

  int64_t stride() const { return is_halved ? halved_strides(n_cols).high : panel_stride(dtype, n_cols); }
  const uint8_t* panel(int64_t index) const { return reinterpret_cast<const uint8_t*>(panels) + index * stride(); }
  // The other part of a halved panel.
  const uint8_t* low_panel(int64_t index) const {
    const HalvedStrides strides = halved_strides(n_cols);
    return reinterpret_cast<const uint8_t*>(panels) + panel_count(n_rows) * strides.high + index * strides.low;
  }
};

// The part of a product that one task computes.
struct MatmulTask {
  Product product;
  int64_t first_panel;     // this and the next one, where there is one
  int64_t first_x, end_x;  // rows of x, at most kTaskRows

  // Where the first result goes.
  float* out() const { return product.out + first_x * product.out_stride + first_panel * kPanelRows; }
  // Whether all rows of all its panels are rows of the matrix.
  bool is_whole() const { return (first_panel + kTaskPanels) * kPanelRows <= product.n_rows; }
  // A missing second panel is the first again, and its results are not stored.
  int64_t panel_index(int index) const {
    const int64_t last = panel_count(product.n_rows) - 1;
    return first_panel + index > last ? last : first_panel + index;
  }
  const uint8_t* panel(int index) const { return product.panel(panel_index(index)); }
  // Its other part; null when it has none.
  const uint8_t* low_panel(int index) const {
    return product.is_halved ? product.low_panel(panel_index(index)) : nullptr;
  }
};

// Copies the finished sums of a task that is not whole to its output.
void store_sums(const MatmulTask& task, const TaskScratch& scratch);

}  // namespace tidemill
