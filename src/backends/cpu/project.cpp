#include "backends/cpu/project.h"

#include <algorithm>

#include "backends/cpu/activation.h"
#include "backends/cpu/elementwise.h"
#include "backends/cpu/grain.h"
#include "tensor/panels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/project.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/lanes-inl.h"

#ifndef TIDEMILL_BACKENDS_CPU_PROJECT_ONCE
#define TIDEMILL_BACKENDS_CPU_PROJECT_ONCE
namespace tidemill {

// Some rows of x times some panels of one weight.
struct ProjectTask {
  const float* x;
  int64_t x_stride, n_rows;
  const float* panels;
  int64_t n_cols;     // K
  const float* bias;  // of the panels' rows; null: zeros
  int64_t n_out;      // rows of the weight from the first panel on
  float* out;
  int64_t out_stride;
};

}  // namespace tidemill
#endif

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// Sums of a tile fill the registers but for the weights and one activation.
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3
constexpr int kTilePanels = 3, kTileRows = 8;
#elif HWY_TARGET == HWY_AVX2
constexpr int kTilePanels = 1, kTileRows = 6;
#elif HWY_TARGET == HWY_SCALAR
constexpr int kTilePanels = 1, kTileRows = 1;
#else
constexpr int kTilePanels = 1, kTileRows = 2;
#endif

// What a tile asks for while it computes: the panels that come after these, as the tiles of all rows together read
// them.
struct Ahead {
  const float* next;
  int64_t step;  // floats for each element of k
};

template <int kRows, int kPanels>
HWY_INLINE void run_tile(const ProjectTask& task, const float* x, const float* bias, Ahead ahead, float* out,
                         int64_t out_stride) {
  const int64_t panel_floats = task.n_cols * kPanelRows;
  Floats sums[kRows][kPanels];
  TIDEMILL_UNROLL
  for (int p = 0; p < kPanels; ++p) {
    const Floats start = load_floats(bias + p * kPanelRows);
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) sums[r][p] = start;
  }
  for (int64_t k = 0; k < task.n_cols; ++k) {
    Floats weights[kPanels];
    TIDEMILL_UNROLL
    for (int p = 0; p < kPanels; ++p) weights[p] = load_floats(task.panels + p * panel_floats + k * kPanelRows);
    hwy::Prefetch(ahead.next + k * ahead.step);
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Floats activation = set_floats(x[r * task.x_stride + k]);
      TIDEMILL_UNROLL
      for (int p = 0; p < kPanels; ++p) sums[r][p] = mul_add(weights[p], activation, sums[r][p]);
    }
  }
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    TIDEMILL_UNROLL
    for (int p = 0; p < kPanels; ++p) store_floats_unaligned(sums[r][p], out + r * out_stride + p * kPanelRows);
  }
}

// Tiles of kRows rows as long as there are so many, then of half as many.
template <int kRows, int kPanels>
void run_rows(const ProjectTask& task, const float* bias, Ahead ahead, int64_t row) {
  constexpr int64_t kWidth = kPanels * kPanelRows;
  for (; row + kRows <= task.n_rows; row += kRows) {
    const float* const x = task.x + row * task.x_stride;
    float* const out = task.out + row * task.out_stride;
    const Ahead mine{ahead.next + row / kTileRows * ahead.step * task.n_cols, ahead.step};
    if (task.n_out >= kWidth) {
      run_tile<kRows, kPanels>(task, x, bias, mine, out, task.out_stride);
    } else {
      HWY_ALIGN float whole[kRows * kWidth];
      run_tile<kRows, kPanels>(task, x, bias, mine, whole, kWidth);
      for (int r = 0; r < kRows; ++r) std::copy_n(whole + r * kWidth, task.n_out, out + r * task.out_stride);
    }
  }
  if constexpr (kRows > 1) run_rows<kRows / 2, kPanels>(task, bias, ahead, row);
}

template <int kPanels>
void run_panels(const ProjectTask& task) {
  constexpr int64_t kWidth = kPanels * kPanelRows;
  HWY_ALIGN float bias[kWidth] = {};
  if (task.bias != nullptr) std::copy_n(task.bias, std::min(kWidth, task.n_out), bias);
  const int64_t n_tiles = (task.n_rows + kTileRows - 1) / kTileRows;
  const Ahead ahead{task.panels + kPanels * task.n_cols * kPanelRows, std::max<int64_t>(1, kWidth / n_tiles)};
  run_rows<kTileRows, kPanels>(task, bias, ahead, 0);
}

// All panels of the task.
void project_of_target(const ProjectTask& task) {
  ProjectTask rest = task;
  while (rest.n_out > 0) {
    const bool is_wide = rest.n_out > (kTilePanels - 1) * kPanelRows;
    is_wide ? run_panels<kTilePanels>(rest) : run_panels<1>(rest);
    const int64_t n = (is_wide ? kTilePanels : 1) * kPanelRows;
    rest.panels += n * rest.n_cols;
    rest.out += n;
    rest.n_out -= n;
    if (rest.bias != nullptr) rest.bias += n;
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(project_of_target);

namespace {

constexpr int64_t kStripePanels = 3;  // of a piece of work: what the widest tile reads at a time
constexpr int64_t kStripe = kStripePanels * kPanelRows;
// Of x in a piece: it stays in second-level cache while all weights pass by.
constexpr int64_t kBlockFloats = 64 << 10;
constexpr int64_t kRowMultiple = 8;

// Rows [first, end) of x with stripe `stripe` of weight j.
void run_piece(const op::Project& o, size_t j, int64_t stripe, int64_t first, int64_t end) {
  const Tensor &weight = o.weights[j], &out = o.outs[j];
  const int64_t column = stripe * kStripe, width = std::min(kStripe, weight.dim(0) - column);
  const ProjectTask task{.x = o.x.row<float>(first),
                         .x_stride = o.x.dim(1),
                         .n_rows = end - first,
                         .panels = weight.as<const float>() + column * weight.dim(1),
                         .n_cols = weight.dim(1),
                         .bias = o.biases[j].empty() ? nullptr : o.biases[j].as<float>() + column,
                         .n_out = width,
                         .out = out.row<float>(first) + column,
                         .out_stride = out.dim(1)};
  HWY_DYNAMIC_DISPATCH(project_of_target)(task);
  if (o.activation == Activation::identity) return;
  for (int64_t row = first; row < end; ++row) {
    float* const values = out.row<float>(row) + column;
    activate(o.activation, values, values, width);
  }
}

// The weights' own kernel.
void run_f32(ThreadPool& pool, const op::Project& o) {
  const int64_t n_rows = o.x.dim(0);
  int64_t n_stripes = 0;
  for (const Tensor& weight : o.weights) n_stripes += ceil_div(weight.dim(0), kStripe);
  const int64_t most_rows = std::max(kRowMultiple, kBlockFloats / o.x.dim(1) / kRowMultiple * kRowMultiple);
  const int64_t n_blocks = ceil_div(n_rows, most_rows);
  const int64_t rows = round_up(ceil_div(n_rows, n_blocks), kRowMultiple);
  pool.parallel_for(n_blocks * n_stripes, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t first = piece / n_stripes * rows;
      int64_t stripe = piece % n_stripes;
      size_t j = 0;
      for (int64_t n; stripe >= (n = ceil_div(o.weights[j].dim(0), kStripe)); ++j) stripe -= n;
      if (first < n_rows) run_piece(o, j, stripe, first, std::min(first + rows, n_rows));
    }
  });
}

}  // namespace

void compute(MatmulContext& context, const op::Project& o) {
  if (o.x.n_elements() == 0) return;
  const auto is_f32 = [](const Tensor& weight) {
    return weight.dtype() == DType::f32 && weight.layout() == Layout::panels;
  };
  if (std::ranges::all_of(o.weights, is_f32)) return run_f32(context.pool(), o);
  matmul(context, {&o.x, 1}, o.weights, o.outs);
  for (size_t j = 0; j < o.outs.size(); ++j) {
    const Tensor& out = o.outs[j];
    if (!o.biases[j].empty()) compute(context.pool(), op::AddRow{out, o.biases[j], out});
    if (o.activation != Activation::identity) compute(context.pool(), op::Activate{out, o.activation, out});
  }
}

}  // namespace tidemill
#endif  // HWY_ONCE
