#include "backends/cpu/project.h"

#include <algorithm>

#include "backends/cpu/activation.h"
#include "backends/cpu/elementwise.h"
#include "backends/cpu/int8_project.h"
#include "backends/cpu/project_pieces.h"
#include "tensor/int8_panels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/project.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/project_tiles-inl.h"

#ifndef TIDEMILL_BACKENDS_CPU_PROJECT_ONCE
#define TIDEMILL_BACKENDS_CPU_PROJECT_ONCE
namespace tidemill {

// Some rows of x times some panels of one weight.
struct ProjectTask {
  static constexpr int64_t kStepBytes = kPanelRows * sizeof(float);  // a column

  const float* x;
  int64_t x_stride, n_rows;
  const uint8_t* panels;
  int64_t panel_stride, n_steps;  // K
  const float* bias;              // of the panels' rows; null: zeros
  Activation activation;
  int64_t n_out;  // rows of the weight from the first panel on
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

// A tile's own panels come from second-level cache where k is long: asked for so many steps ahead they are there in
// time (Zen 4, k of 1536: 97% of the multipliers' speed, else 94%).
constexpr int kStepsAhead = 16;

struct FloatTiles {
  using Task = ProjectTask;
  static constexpr int kPanels = kTilePanels, kRows = kTileRows;

  template <int kRows, int kPanels>
  static HWY_INLINE void run(const ProjectTask& task, int64_t row, const float* bias, const Ahead& ahead, float* out,
                             int64_t out_stride) {
    const float* const x = task.x + row * task.x_stride;
    const auto* const panels = reinterpret_cast<const float*>(task.panels);
    const int64_t panel_floats = task.n_steps * kPanelRows;
    Floats sums[kRows][kPanels];
    TIDEMILL_UNROLL
    for (int p = 0; p < kPanels; ++p) {
      const Floats start = load_floats(bias + p * kPanelRows);
      TIDEMILL_UNROLL
      for (int r = 0; r < kRows; ++r) sums[r][p] = start;
    }
    for (int64_t k = 0; k < task.n_steps; ++k) {
      Floats weights[kPanels];
      TIDEMILL_UNROLL
      for (int p = 0; p < kPanels; ++p) {
        const float* const at = panels + p * panel_floats + k * kPanelRows;
        weights[p] = load_floats(at);
        hwy::Prefetch(at + kStepsAhead * kPanelRows);
      }
      ahead.ask(k);
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
};

void project_of_target(const ProjectTask& task) {
  run_tiles<FloatTiles>(task);
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(project_of_target);

namespace {

// Of x in a piece: it stays in second-level cache while all weights pass by.
constexpr int64_t kBlockFloats = 64 << 10;

// The weights' own kernel.
void run_f32(ThreadPool& pool, const op::Project& o) {
  for_each_piece(pool, o, kBlockFloats / o.x.dim(1), [&](const ProjectPiece& piece) {
    const Tensor &weight = o.weights[piece.layer], &out = o.outs[piece.layer], &bias = o.biases[piece.layer];
    const ProjectTask task{.x = o.x.row<float>(piece.first),
                           .x_stride = o.x.dim(1),
                           .n_rows = piece.end - piece.first,
                           .panels = weight.as<const uint8_t>() + piece.column * weight.dim(1) * sizeof(float),
                           .panel_stride = weight.dim(1) * ProjectTask::kStepBytes,
                           .n_steps = weight.dim(1),
                           .bias = bias.empty() ? nullptr : bias.as<float>() + piece.column,
                           .activation = o.activation,
                           .n_out = piece.width,
                           .out = out.row<float>(piece.first) + piece.column,
                           .out_stride = out.dim(1)};
    HWY_DYNAMIC_DISPATCH(project_of_target)(task);
  });
}

}  // namespace

// Where layers of one input come in different formats, as those of some files do.
static void compute_one_by_one(MatmulContext& context, const op::Project& o) {
  for (size_t j = 0; j < o.weights.size(); ++j) {
    compute(context,
            op::Project{o.x, o.weights.subspan(j, 1), o.biases.subspan(j, 1), o.activation, o.outs.subspan(j, 1)});
  }
}

void compute(MatmulContext& context, const op::Project& o) {
  if (o.x.n_elements() == 0) return;
  const auto is_f32 = [](const Tensor& weight) {
    return weight.dtype() == DType::f32 && weight.layout() == Layout::panels;
  };
  if (std::ranges::all_of(o.weights, is_f32)) return run_f32(context.pool(), o);
  if (std::ranges::all_of(o.weights, is_int8_panels)) return project_int8(context, o);
  if (std::ranges::any_of(o.weights, is_int8_panels)) return compute_one_by_one(context, o);
  matmul(context, {&o.x, 1}, o.weights, o.outs);
  for (size_t j = 0; j < o.outs.size(); ++j) {
    const Tensor& out = o.outs[j];
    if (!o.biases[j].empty()) compute(context.pool(), op::AddRow{out, o.biases[j], out});
    if (o.activation != Activation::identity) compute(context.pool(), op::Activate{out, o.activation, out});
  }
}

}  // namespace tidemill
#endif  // HWY_ONCE
