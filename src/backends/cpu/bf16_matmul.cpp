// A tile as in float_matmul.cpp.  A panel holds k after k, 16 numbers each; products want elements k and k + 1 of a row
// side by side, so two of these halves of a vector are woven into one: once per task, or in registers for a few rows.
#include "backends/cpu/bf16_matmul.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/bf16_matmul.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/few_rows-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/prefetcher.h"
#include "backends/cpu/tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL

constexpr int kTilePanels = 2, kTileRows = 8;
constexpr int kMostChains = 16;                                    // of panels that few rows meet, times the rows
constexpr int kBlockBytes = kFloatBlockLength / 2 * kVectorBytes;  // of a panel

bool bf16_products_of_target() {
  return __builtin_cpu_supports("avx512bf16") != 0;
}

// acc[lane] += the products of a pair of weights and one of activations.  As assembly, because Highway 1.0.3 compiles
// this target without the compiler's option.
HWY_INLINE Floats dot2(Floats acc, const Words& weights, const Words& x) {
  asm("vdpbf16ps %2, %1, %0" : "+v"(acc.part[0].raw) : "v"(weights.part[0].raw), "v"(x.part[0].raw));
  return acc;
}

HWY_INLINE Words broadcast_pair(const uint32_t* pair) {
  Words out;
  out.part[0] = hn::Set(DU(), *pair);
  return out;
}

// Two elements of k of a panel, woven.
HWY_INLINE Words weave(const Words& halves) {
  alignas(64) static constexpr uint16_t kOrder[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  Words out;
  out.part[0].raw = _mm512_permutexvar_epi16(_mm512_load_si512(kOrder), halves.part[0].raw);
  return out;
}

// The last element of an odd row and zeros.
HWY_INLINE Words load_last(const uint8_t* panel) {
  alignas(kVectorBytes) uint8_t halves[kVectorBytes] = {};
  std::memcpy(halves, panel, kVectorBytes / 2);
  return load_words(halves);
}

void round_rows_of_target(const Tensor& x, int64_t begin, int64_t end, const Bf16Rows& out) {
  for (int64_t row = begin; row < end; ++row) {
    const float* from = x.row<float>(row);
    auto* to = reinterpret_cast<uint16_t*>(out.pairs + row * out.stride);
    for (int64_t k = 0; k < out.n_cols; k += kPanelRows) {
      const auto n = static_cast<uint32_t>(std::min<int64_t>(kPanelRows, out.n_cols - k));
      const auto mask = static_cast<__mmask16>((1u << n) - 1);
      const __m512 numbers = _mm512_maskz_loadu_ps(mask, from + k);
      __m256i rounded;
      asm("vcvtneps2bf16 %1, %0" : "=v"(rounded) : "v"(numbers));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + k), rounded);  // a row has room for whole vectors
    }
  }
}

// Weaves `n_cols` elements of k at `panel`.
void weave_panel(const uint8_t* panel, int n_cols, PairBlock& out) {
  for (int i = 0; i < n_cols / 2; ++i) store_words(weave(load_words(panel + i * kVectorBytes)), out.pairs[i]);
  if (n_cols % 2 != 0) store_words(weave(load_last(panel + n_cols / 2 * kVectorBytes)), out.pairs[n_cols / 2]);
}

// A task's tiles over one block of k.
struct PairTile {
  static constexpr int kPanels = kTilePanels;
  static constexpr int kPairsPerStep = 16;  // of the prefetcher

  const PairBlock* blocks;
  int n_pairs;
  const uint32_t* x;
  int64_t stride;
  float* sums;
  Prefetcher& prefetcher;

  template <int kRows>
  void run(int panel, int64_t row) const {
    Floats acc[kRows][kTilePanels];
    const uint32_t* rows[kRows];
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      rows[r] = x + (row + r) * stride;
      forget_origin(rows[r]);  // a pointer each, not sums of a pointer and multiples of the stride
      TIDEMILL_UNROLL
      for (int p = 0; p < kTilePanels; ++p) acc[r][p] = set_floats(0);
    }
    for (int first = 0; first < n_pairs; first += kPairsPerStep) {
      prefetcher.step();
      const int end = std::min(n_pairs, first + kPairsPerStep);
      for (int i = first; i < end; ++i) add_pair(panel, i, rows, acc);
    }
    add_to_sums(acc, sums + (row * kTaskPanels + panel) * kPanelRows);
  }

  template <int kRows>
  HWY_INLINE void add_pair(int panel, int i, const uint32_t* const (&rows)[kRows],
                           Floats (&acc)[kRows][kTilePanels]) const {
    Words weights[kTilePanels];
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) weights[p] = load_words(blocks[panel + p].pairs[i]);
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Words activations = broadcast_pair(rows[r] + i);
      TIDEMILL_UNROLL
      for (int p = 0; p < kTilePanels; ++p) acc[r][p] = dot2(acc[r][p], weights[p], activations);
    }
  }
};

void bf16_gemm_of_target(const MatmulTask& task, const Bf16Rows& x, TaskScratch& scratch) {
  const int64_t n_x = task.end_x - task.first_x;
  std::fill_n(&scratch.sums[0][0], n_x * kTaskPanels * kPanelRows, 0.0f);
  const uint8_t* panels[kTaskPanels];
  for (int p = 0; p < kTaskPanels; ++p) panels[p] = task.panel(p);
  for (int64_t k = 0; k < x.n_cols; k += kFloatBlockLength) {
    const int length = static_cast<int>(std::min<int64_t>(kFloatBlockLength, x.n_cols - k));
    const int n_pairs = (length + 1) / 2;
    for (int p = 0; p < kTaskPanels; ++p) {
      weave_panel(panels[p], length, scratch.pair_blocks[p]);
      panels[p] += length * kVectorBytes / 2;
    }
    if (k + length == x.n_cols) {  // the next task probably has the next panels
      for (const uint8_t*& panel : panels) panel += (kTaskPanels - 1) * panel_stride(DType::bf16, x.n_cols);
    }
    const int64_t n_steps = (n_pairs + PairTile::kPairsPerStep - 1) / PairTile::kPairsPerStep;
    Prefetcher prefetcher(panels, kBlockBytes, tile_count(kTileRows, n_x) * n_steps);
    const PairTile tile{.blocks = scratch.pair_blocks,
                        .n_pairs = n_pairs,
                        .x = x.pairs + task.first_x * x.stride + k / 2,
                        .stride = x.stride,
                        .sums = &scratch.sums[0][0],
                        .prefetcher = prefetcher};
    for_each_tile<kTileRows>(tile, 0, n_x);
  }
  store_sums(task, scratch);
}

// kPanels panels side by side: a panel's sum is one chain of products for each row, whose latency would set the pace.
template <int kPanels, int kRows>
void dot_panels(const Product& product, int64_t first, const Bf16Rows& x, const FewRows& few) {
  const int64_t stride = panel_stride(product.dtype, product.n_cols);
  const uint8_t* const first_panel = product.panel(first);
  const uint8_t* panel = first_panel;
  const uint32_t* rows[kRows];
  Floats sums[kPanels][kRows];
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    rows[r] = x.pairs + few.row(r) * x.stride;
    TIDEMILL_UNROLL
    for (int p = 0; p < kPanels; ++p) sums[p][r] = set_floats(0);
  }
  Floats acc[kPanels][kRows];
  const auto meet = [&](int p, const Words& halves, int64_t pair) HWY_ATTR {
    const Words weights = weave(halves);
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) acc[p][r] = dot2(acc[p][r], weights, broadcast_pair(rows[r] + pair));
  };
  const int64_t ahead_step = kVectorBytes / few.n_tiles();
  int64_t pair = 0;
  for (int64_t k = 0; k < product.n_cols; k += kFloatBlockLength) {
    const int64_t end = std::min<int64_t>(product.n_cols - k, kFloatBlockLength);
    TIDEMILL_UNROLL
    for (int p = 0; p < kPanels; ++p) {
      TIDEMILL_UNROLL
      for (int r = 0; r < kRows; ++r) acc[p][r] = set_floats(0);
    }
    // A block ahead, and at the end of these panels the beginning of the next ones; of several tiles each fetches its
    // share of these, a part of a line at a time.
    const bool is_last = k + kFloatBlockLength >= product.n_cols;
    const uint8_t* ahead = is_last ? first_panel + kPanels * stride : panel + kBlockBytes;
    if (few.n_tiles() > 1) {
      ahead = first_panel + kPanels * stride + few.tile() * (stride / few.n_tiles()) + pair * ahead_step;
    }
    for (int64_t i = 0; i < end / 2; ++i, ++pair, panel += kVectorBytes, ahead += ahead_step) {
      TIDEMILL_UNROLL
      for (int p = 0; p < kPanels; ++p) {
        hwy::Prefetch(ahead + p * stride);
        meet(p, load_words(panel + p * stride), pair);
      }
    }
    TIDEMILL_UNROLL
    for (int p = 0; p < kPanels; ++p) {
      if (end % 2 != 0) meet(p, load_last(panel + p * stride), pair);
      TIDEMILL_UNROLL
      for (int r = 0; r < kRows; ++r) sums[p][r] = sums[p][r] + acc[p][r];
    }
  }
  for (int p = 0; p < kPanels; ++p) store_panel(sums[p], few, product, first + p);
}

void bf16_gemv_of_target(const Product& product, int64_t begin, int64_t end, const Bf16Rows& x, int64_t n_x) {
  const auto multiply = [&](auto panels) HWY_ATTR {
    constexpr int kPanels = decltype(panels)::value;
    for (; begin + kPanels <= end; begin += kPanels) {
      for_each_few(n_x, [&](auto kind, const FewRows& rows) HWY_ATTR {
        constexpr int kRows = decltype(kind)::value;
        if constexpr (kPanels * kRows <= kMostChains) dot_panels<kPanels, kRows>(product, begin, x, rows);
      });
    }
  };
  if (n_x <= 2) multiply(std::integral_constant<int, 4>());
  if (n_x > 2) multiply(std::integral_constant<int, 2>());
  multiply(std::integral_constant<int, 1>());
}

#else

bool bf16_products_of_target() {
  return false;
}
void round_rows_of_target(const Tensor& /*x*/, int64_t /*begin*/, int64_t /*end*/, const Bf16Rows& /*out*/) {}
void bf16_gemm_of_target(const MatmulTask& /*task*/, const Bf16Rows& /*x*/, TaskScratch& /*scratch*/) {}
void bf16_gemv_of_target(const Product& /*product*/, int64_t /*begin*/, int64_t /*end*/, const Bf16Rows& /*x*/,
                         int64_t /*n_x*/) {}

#endif

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(bf16_products_of_target);
HWY_EXPORT(round_rows_of_target);
HWY_EXPORT(bf16_gemm_of_target);
HWY_EXPORT(bf16_gemv_of_target);

bool has_bf16_products() {
  return HWY_DYNAMIC_DISPATCH(bf16_products_of_target)();
}

void round_rows(const Tensor& x, int64_t begin, int64_t end, const Bf16Rows& out) {
  HWY_DYNAMIC_DISPATCH(round_rows_of_target)(x, begin, end, out);
}

void bf16_gemm(const MatmulTask& task, const Bf16Rows& x, TaskScratch& scratch) {
  HWY_DYNAMIC_DISPATCH(bf16_gemm_of_target)(task, x, scratch);
}

void bf16_gemv(const Product& product, int64_t begin, int64_t end, const Bf16Rows& x, int64_t n_x) {
  HWY_DYNAMIC_DISPATCH(bf16_gemv_of_target)(product, begin, end, x, n_x);
}

}  // namespace tidemill
#endif  // HWY_ONCE
