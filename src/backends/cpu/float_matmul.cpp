#include "backends/cpu/float_matmul.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/float_matmul.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/few_rows-inl.h"
#include "backends/cpu/formats-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/prefetcher.h"
#include "backends/cpu/tiles-inl.h"
#include "backends/cpu/unpack_units-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// A tile as in gemm.cpp, but the only accumulators are of floats, so there is room for more rows.
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3
constexpr int kTilePanels = 2, kTileRows = 8;
#elif HWY_TARGET == HWY_AVX2
constexpr int kTilePanels = 1, kTileRows = 4;
#elif HWY_TARGET == HWY_SCALAR
constexpr int kTilePanels = 1, kTileRows = 1;
#else
constexpr int kTilePanels = 1, kTileRows = 2;
#endif

constexpr int kStrands = kFloatStrands;

// Where element k of a block stands: each strand's in a row, so that tiles of one strand after those of the other need
// half of a block in the first-level cache.
constexpr int place_in_block(int k) {
  return k % kStrands * (kFloatBlockLength / kStrands) + k / kStrands;
}

// Panels that one row of activations meets at a time: two more chains, where their sums fit the registers.
constexpr int kGemvPanels = kParts <= 2 ? 2 : 1;

HWY_INLINE Floats widen(const float* p) {
  return load_floats(p);
}
template <typename T>
HWY_INLINE Floats widen(const T* p) {
  return widen_to_floats(p);
}

#if HWY_TARGET == HWY_SSE4
// Whether any of 16 numbers is infinite or none.
HWY_INLINE bool any_not_finite(const hwy::float16_t* p) {
  const hn::FixedTag<uint16_t, 8> d16;
  const auto greatest = hn::Set(d16, 0x7c00);
  const auto* const bits = reinterpret_cast<const uint16_t*>(p);
  const auto first = hn::Eq(hn::And(hn::Load(d16, bits), greatest), greatest);
  const auto second = hn::Eq(hn::And(hn::Load(d16, bits + 8), greatest), greatest);
  return !hn::AllFalse(d16, hn::Or(first, second));
}

// This set widens no f16.  Sign and magnitude go where f32 has them, and a product makes good how exponents count, also
// of subnormal numbers; those that are not finite get the greatest exponent.
HWY_INLINE Floats widen(const hwy::float16_t* p) {
  const hn::Rebind<int16_t, DI> d16;
  Floats out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) {
    const auto half = hn::Load(d16, reinterpret_cast<const int16_t*>(p) + i * kPartLanes);
    const VU bits = hn::BitCast(DU(), hn::ShiftLeft<13>(hn::PromoteTo(DI(), half)));
    out.part[i] = hn::Mul(hn::BitCast(DF(), hn::And(bits, hn::Set(DU(), 0x8fffe000))), hn::Set(DF(), 0x1p112f));
  }
  if (HWY_UNLIKELY(any_not_finite(p))) {
    TIDEMILL_UNROLL
    for (int i = 0; i < kParts; ++i) {
      const auto is_not = hn::Ge(hn::Abs(out.part[i]), hn::Set(DF(), 0x1p16f));
      const VF exponent = hn::BitCast(DF(), hn::Set(DU(), 0x7f800000));
      out.part[i] = hn::Or(out.part[i], hn::IfThenElseZero(is_not, exponent));
    }
  }
  return out;
}
#endif

// Byte kByte of every lane as a number.
template <int kByte>
HWY_INLINE Ints number_of(const Words& unit, bool is_signed) {
  Ints out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) {
    const VU top = hn::ShiftLeft<24 - 8 * kByte>(unit.part[i]);
    out.part[i] = is_signed ? hn::ShiftRight<24>(hn::BitCast(DI(), top)) : hn::BitCast(DI(), hn::ShiftRight<24>(top));
  }
  return out;
}

// Units of one block format as f32; `block` holds n_groups groups.
void units_to_floats(PanelFormat format, const UnitBlock& block, int n_groups, FloatBlock& out) {
  const Ints offset = set_ints(-dot_offset(format));
  const bool is_signed = has_signed_units(format);
  for (int u = 0; u < n_groups * kUnitsPerGroup; ++u) {
    const Words unit = load_words(block.units[u]);
    const int part = 4 * u / format.scale_length;
    const Floats scale = load_floats(block.scale[part]);
    Floats values[4] = {
        to_floats(number_of<0>(unit, is_signed) + offset) * scale,
        to_floats(number_of<1>(unit, is_signed) + offset) * scale,
        to_floats(number_of<2>(unit, is_signed) + offset) * scale,
        to_floats(number_of<3>(unit, is_signed) + offset) * scale,
    };
    for (int c = 0; c < 4; ++c) {
      if (format.has_min()) values[c] = values[c] + load_floats(block.min[part]);
      store_floats(values[c], out.values[place_in_block(4 * u + c)]);
    }
  }
}

template <typename T>
const uint8_t* widen_panel(const uint8_t* panel, int length, FloatBlock& out) {
  const auto* values = reinterpret_cast<const T*>(panel);
  for (int k = 0; k < length; ++k) store_floats(widen(values + k * kPanelRows), out.values[place_in_block(k)]);
  return reinterpret_cast<const uint8_t*>(values + length * kPanelRows);
}

// Unpacks `length` elements of k at `panel`; returns where the next ones start.  `low`: the other part of a halved
// panel, which goes on as well, or null.
const uint8_t* unpack_floats(DType dtype, const uint8_t* panel, const uint8_t*& low, int length, UnitBlock& units,
                             FloatBlock& out) {
  switch (dtype) {
    case DType::f32:
      return widen_panel<float>(panel, length, out);
    case DType::f16:
      return widen_panel<hwy::float16_t>(panel, length, out);
    case DType::bf16:
      return widen_panel<hwy::bfloat16_t>(panel, length, out);
    default:
      panel = low != nullptr ? unpack_halves(panel, low, length / kGroupLength, units)
                             : unpack_units(dtype, panel, length / kGroupLength, units);
      units_to_floats(panel_format(dtype), units, length / kGroupLength, out);
      return panel;
  }
}

// A task's tiles over one strand of a block of k.
struct FloatTile {
  static constexpr int kPanels = kTilePanels;
  static constexpr int kTermsPerStep = 16;  // of the prefetcher

  const FloatBlock* blocks;
  int strand;
  int length;  // of the block
  const float* x;
  int64_t stride;
  float* sums;
  Prefetcher& prefetcher;

  template <int kRows>
  void run(int panel, int64_t row) const {
    Floats acc[kRows][kTilePanels];
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      TIDEMILL_UNROLL
      for (int p = 0; p < kTilePanels; ++p) acc[r][p] = set_floats(0);
    }
    const float* const rows = x + row * stride;
    for (int first = strand; first < length; first += kStrands * kTermsPerStep) {
      prefetcher.step();
      const int end = std::min(length, first + kStrands * kTermsPerStep);
      for (int k = first; k < end; k += kStrands) add_term(panel, k, rows, acc);
    }
    add_to_sums(acc, sums + (row * kTaskPanels + panel) * kPanelRows);
  }

  template <int kRows>
  HWY_INLINE void add_term(int panel, int k, const float* rows, Floats (&acc)[kRows][kTilePanels]) const {
    Floats weights[kTilePanels];
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) weights[p] = load_floats(blocks[panel + p].values[place_in_block(k)]);
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Floats activation = set_floats(rows[r * stride + k]);
      TIDEMILL_UNROLL
      for (int p = 0; p < kTilePanels; ++p) acc[r][p] = mul_add(weights[p], activation, acc[r][p]);
    }
  }
};

// Bytes of a panel's next block.
int64_t block_bytes(DType dtype) {
  const PanelFormat format = panel_format(dtype);
  return format.is_quantized() ? format.superblock_bytes() : kFloatBlockLength * size_bytes(dtype, {kPanelRows});
}

void float_gemm_of_target(const MatmulTask& task, const Tensor& x, TaskScratch& scratch) {
  const Product& product = task.product;
  const int64_t n_x = task.end_x - task.first_x;
  const uint8_t* panels[kTaskPanels];
  const uint8_t* lows[kTaskPanels];
  for (int p = 0; p < kTaskPanels; ++p) {
    panels[p] = task.panel(p);
    lows[p] = task.low_panel(p);
  }
  std::fill_n(&scratch.sums[0][0], n_x * kTaskPanels * kPanelRows, 0.0f);
  const int64_t n_tiles = tile_count(kTileRows, n_x) * (kTaskPanels / kTilePanels);
  for (int64_t k = 0; k < product.n_cols; k += kFloatBlockLength) {
    const int length = static_cast<int>(std::min<int64_t>(kFloatBlockLength, product.n_cols - k));
    for (int p = 0; p < kTaskPanels; ++p) {
      panels[p] =
          unpack_floats(product.dtype, panels[p], lows[p], length, scratch.unit_blocks[p], scratch.float_blocks[p]);
    }
    if (k + length == product.n_cols) {  // the next task probably has the next panels
      for (const uint8_t*& panel : panels) panel += (kTaskPanels - 1) * panel_stride(product.dtype, product.n_cols);
    }
    const int n_steps = (length + FloatTile::kTermsPerStep - 1) / FloatTile::kTermsPerStep;
    Prefetcher prefetcher(panels, block_bytes(product.dtype), n_tiles * n_steps);
    for (int strand = 0; strand < kStrands; ++strand) {
      const FloatTile tile{.blocks = scratch.float_blocks,
                           .strand = strand,
                           .length = length,
                           .x = x.row<float>(task.first_x) + k,
                           .stride = x.stride_bytes(0) / static_cast<int64_t>(sizeof(float)),
                           .sums = &scratch.sums[0][0],
                           .prefetcher = prefetcher};
      for_each_tile<kTileRows>(tile, 0, n_x);
    }
  }
  store_sums(task, scratch);
}

// kPanels panels next to each other meet kRows rows: more chains of multiply-adds side by side.
template <int kPanels, int kRows, typename T>
HWY_INLINE void dot_float_panels(const T* panels, int64_t stride, int64_t n_cols, const float* const (&rows)[kRows],
                                 Floats (&sums)[kPanels][kRows]) {
  // f32 takes so few instructions for a byte that the processor itself looks far enough ahead: asking for weights cost
  // a seventh of the speed of reading them from third-level cache.
  constexpr bool kPrefetches = sizeof(T) < sizeof(float);
  const auto for_each_sum = [](auto body) HWY_ATTR {
    TIDEMILL_UNROLL
    for (int p = 0; p < kPanels; ++p) {
      TIDEMILL_UNROLL
      for (int r = 0; r < kRows; ++r) body(p, r);
    }
  };
  for_each_sum([&](int p, int r) HWY_ATTR { sums[p][r] = set_floats(0); });
  for (int64_t k0 = 0; k0 < n_cols; k0 += kFloatBlockLength) {
    const int64_t k1 = std::min(n_cols, k0 + kFloatBlockLength);
    Floats strands[kStrands][kPanels][kRows];
    TIDEMILL_UNROLL
    for (int s = 0; s < kStrands; ++s) for_each_sum([&](int p, int r) HWY_ATTR { strands[s][p][r] = set_floats(0); });
    const auto meet = [&](int64_t k, int s) HWY_ATTR {
      TIDEMILL_UNROLL
      for (int p = 0; p < kPanels; ++p) {
        const T* const at = panels + p * stride + k * kPanelRows;
        if (kPrefetches && s == 0) prefetch_weights(at);
        const Floats weights = widen(at);
        TIDEMILL_UNROLL
        for (int r = 0; r < kRows; ++r) strands[s][p][r] = mul_add(weights, set_floats(rows[r][k]), strands[s][p][r]);
      }
    };
    int64_t k = k0;
    for (; k + kStrands <= k1; k += kStrands) {
      TIDEMILL_UNROLL
      for (int s = 0; s < kStrands; ++s) meet(k + s, s);
    }
    TIDEMILL_UNROLL
    for (int s = 0; s < kStrands; ++s) {
      if (k + s < k1) meet(k + s, s);
      for_each_sum([&](int p, int r) HWY_ATTR { sums[p][r] = sums[p][r] + strands[s][p][r]; });
    }
  }
}

template <int kPanels, int kRows, typename T>
void float_gemv_of_panels(const Product& product, int64_t first, const Tensor& x, const FewRows& few) {
  const float* rows[kRows];
  for (int r = 0; r < kRows; ++r) rows[r] = x.row<float>(few.row(r));
  const auto* const weights = reinterpret_cast<const T*>(product.panel(first));
  const int64_t stride = panel_stride(product.dtype, product.n_cols) / static_cast<int64_t>(sizeof(T));
  Floats sums[kPanels][kRows];
  dot_float_panels(weights, stride, product.n_cols, rows, sums);
  for (int p = 0; p < kPanels; ++p) store_panel(sums[p], few, product, first + p);
}

template <typename T>
void float_gemv_of(const Product& product, int64_t begin, int64_t end, const Tensor& x) {
  const auto multiply = [&](auto panels) HWY_ATTR {
    constexpr int kPanels = decltype(panels)::value;
    for (; begin + kPanels <= end; begin += kPanels) {
      for_each_few(x.dim(0), [&](auto kind, const FewRows& rows) HWY_ATTR {
        constexpr int kRows = decltype(kind)::value;
        if constexpr (kPanels == 1 || kRows == 1) {
          float_gemv_of_panels<kPanels, kRows, T>(product, begin, x, rows);
        }
      });
    }
  };
  if (x.dim(0) == 1) multiply(std::integral_constant<int, kGemvPanels>());
  multiply(std::integral_constant<int, 1>());
}

void float_gemv_of_target(const Product& product, int64_t begin, int64_t end, const Tensor& x) {
  switch (product.dtype) {
    case DType::f32:
      return float_gemv_of<float>(product, begin, end, x);
    case DType::f16:
      return float_gemv_of<hwy::float16_t>(product, begin, end, x);
    default:
      return float_gemv_of<hwy::bfloat16_t>(product, begin, end, x);
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(float_gemm_of_target);
HWY_EXPORT(float_gemv_of_target);

void float_gemm(const MatmulTask& task, const Tensor& x, TaskScratch& scratch) {
  HWY_DYNAMIC_DISPATCH(float_gemm_of_target)(task, x, scratch);
}

void float_gemv(const Product& product, int64_t begin, int64_t end, const Tensor& x) {
  HWY_DYNAMIC_DISPATCH(float_gemv_of_target)(product, begin, end, x);
}

}  // namespace tidemill
#endif  // HWY_ONCE
