// A tile of 8 rows by 48 outputs keeps its 24 vectors of sums in registers over all of k, in units of 4 elements: three
// loads of weights and eight of activations for 24 products, which a Zen 4 with one multiplier of 512 bits and one load
// of such a vector in a cycle sustains.  What is added to codes so that they are unsigned, and a row's zero, are taken
// off at the end by the sums of the weights; the product of both scales, the bias and the activation follow while the
// results are in first-level cache.
#include "backends/cpu/int8_project.h"

#include <algorithm>

#include "backends/cpu/carver.h"
#include "backends/cpu/int8_rows.h"
#include "backends/cpu/project_pieces.h"
#include "tensor/int8_panels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/int8_project.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/int8_codes-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/project_tiles-inl.h"

#ifndef TIDEMILL_BACKENDS_CPU_INT8_PROJECT_ONCE
#define TIDEMILL_BACKENDS_CPU_INT8_PROJECT_ONCE
namespace tidemill {

// Some rows of x times some panels of one weight.
struct Int8Task {
  static constexpr int64_t kStepBytes = kVectorBytes;  // a unit

  const uint8_t* codes;  // of the first row
  int64_t stride;
  const float* scale;
  const int32_t* zero;
  int64_t n_rows;
  const uint8_t* panels;
  int64_t panel_stride, n_steps;
  const float* bias;  // of the panels' rows; null: zeros
  Activation activation;
  int64_t n_out;  // rows of the weight from the first panel on
  float* out;
  int64_t out_stride;
};

}  // namespace tidemill
#endif

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL
constexpr int kTilePanels = 3, kTileRows = 8;
#elif HWY_TARGET == HWY_AVX3
constexpr int kTilePanels = 3, kTileRows = 4;
#elif HWY_TARGET == HWY_AVX2
constexpr int kTilePanels = 1, kTileRows = 4;
#elif HWY_TARGET == HWY_SCALAR
constexpr int kTilePanels = 1, kTileRows = 1;
#else
constexpr int kTilePanels = 1, kTileRows = 2;
#endif

template <int kRows, int kPanels>
HWY_INLINE void sum_products(const Int8Task& task, int64_t row, const Ahead& ahead, Ints (&sums)[kRows][kPanels]) {
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    TIDEMILL_UNROLL
    for (int p = 0; p < kPanels; ++p) sums[r][p] = set_ints(0);
  }
  const auto* const codes = reinterpret_cast<const int8_t*>(task.codes + row * task.stride);
  for (int64_t unit = 0; unit < task.n_steps; ++unit) {
    Words weights[kPanels];
    TIDEMILL_UNROLL
    for (int p = 0; p < kPanels; ++p) {
      weights[p] = load_words(task.panels + p * task.panel_stride + unit * kVectorBytes);
    }
    ahead.ask(unit);
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Words activations = broadcast4(codes + r * task.stride + 4 * unit);
      TIDEMILL_UNROLL
      for (int p = 0; p < kPanels; ++p) sums[r][p] = dot_codes(sums[r][p], weights[p], activations);
    }
  }
}

HWY_INLINE Ints times(const Ints& a, int32_t b) {
  Ints out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Mul(a.part[i], hn::Set(DI(), b));
  return out;
}

HWY_INLINE Ints load_ints(const int32_t* p) {
  Ints out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Load(DI(), p + i * kPartLanes);
  return out;
}

struct Int8Tiles {
  using Task = Int8Task;
  static constexpr int kPanels = kTilePanels, kRows = kTileRows;

  template <int kRows, int kPanels>
  static HWY_INLINE void run(const Int8Task& task, int64_t row, const float* bias, const Ahead& ahead, float* out,
                             int64_t out_stride) {
    Ints sums[kRows][kPanels];
    sum_products(task, row, ahead, sums);
    TIDEMILL_UNROLL
    for (int p = 0; p < kPanels; ++p) {
      const auto* const scales =
          reinterpret_cast<const float*>(task.panels + p * task.panel_stride + task.n_steps * kVectorBytes);
      const Floats scale = load_floats(scales), start = load_floats(bias + p * kPanelRows);
      const Ints weight_sums = load_ints(reinterpret_cast<const int32_t*>(scales + kPanelRows));
      TIDEMILL_UNROLL
      for (int r = 0; r < kRows; ++r) {
        const Floats products = to_floats(sums[r][p] - times(weight_sums, task.zero[row + r]));
        store_floats_unaligned(mul_add(products, scale * task.scale[row + r], start),
                               out + r * out_stride + p * kPanelRows);
      }
    }
  }
};

void project_int8_of_target(const Int8Task& task) {
  run_tiles<Int8Tiles>(task);
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(project_int8_of_target);

namespace {

constexpr int64_t kBlockBytes = 256 << 10;  // of codes in a piece: a part of second-level cache

Int8Rows quantized(MatmulContext& context, const Tensor& x) {
  const int64_t n_rows = x.dim(0);
  const auto lay_out = [&](Carver& carver) {
    Int8Rows rows{.n_cols = x.dim(1), .stride = Int8Rows::stride_for(x.dim(1))};
    rows.codes = carver.take<uint8_t>(n_rows * rows.stride);
    rows.scale = carver.take<float>(n_rows);
    rows.zero = carver.take<int32_t>(n_rows);
    return rows;
  };
  Carver count(nullptr);
  lay_out(count);
  Carver carver(context.activations(count.used_bytes()));
  const Int8Rows rows = lay_out(carver);
  context.pool().parallel_for(n_rows, rows_per_piece(x.dim(1)),
                              [&](int64_t begin, int64_t end, int) { quantize_int8_rows(x, begin, end, rows); });
  return rows;
}

}  // namespace

void project_int8(MatmulContext& context, const op::Project& o) {
  const Int8Rows rows = quantized(context, o.x);
  for_each_piece(context.pool(), o, kBlockBytes / rows.stride, [&](const ProjectPiece& piece) {
    const Tensor &weight = o.weights[piece.layer], &out = o.outs[piece.layer], &bias = o.biases[piece.layer];
    const int64_t stride = int8_panel_stride(weight.dim(1));
    const Int8Task task{.codes = rows.codes + piece.first * rows.stride,
                        .stride = rows.stride,
                        .scale = rows.scale + piece.first,
                        .zero = rows.zero + piece.first,
                        .n_rows = piece.end - piece.first,
                        .panels = weight.as<const uint8_t>() + piece.column / kPanelRows * stride,
                        .panel_stride = stride,
                        .n_steps = int8_units(weight.dim(1)),
                        .bias = bias.empty() ? nullptr : bias.as<float>() + piece.column,
                        .activation = o.activation,
                        .n_out = piece.width,
                        .out = out.row<float>(piece.first) + piece.column,
                        .out_stride = out.dim(1)};
    HWY_DYNAMIC_DISPATCH(project_int8_of_target)(task);
  });
}

}  // namespace tidemill
#endif  // HWY_ONCE
