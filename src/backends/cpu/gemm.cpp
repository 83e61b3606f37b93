// A tile of rows x panels keeps its sums in registers while one group of k passes: each vector of weights meets every
// row of the tile, each four activations meet every panel.  With 32 registers of 512 bits a tile of 6 x 2 has 12
// integer and 12 float accumulators and loads 8 vectors for 12 products, which two load ports sustain; with 16
// registers the float accumulators wait in the first-level cache while the products run.
#include "backends/cpu/gemm.h"

#include <algorithm>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/gemm.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/formats-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/unpack_units-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3
constexpr int kTilePanels = 2, kTileRows = 6;
#elif HWY_TARGET == HWY_AVX2
constexpr int kTilePanels = 1, kTileRows = 4;
#elif HWY_TARGET == HWY_SCALAR
constexpr int kTilePanels = 1, kTileRows = 1;
#else
constexpr int kTilePanels = 1, kTileRows = 2;
#endif
static_assert(kTaskPanels % kTilePanels == 0);

// Where the rows of a tile lie in the activations; strides are from one row to the next.
struct TileRows {
  const int8_t* high;
  int64_t stride;
  int64_t low;  // bytes from a high number to its low one
  const ActivationTerm* terms;
  int64_t term_stride;
};

// products += units [0, kUnits) of each panel times the activations at x.
template <int kRows, int kUnits, bool kSigned>
HWY_INLINE void add_products(Ints (&products)[kRows][kTilePanels],
                             const uint8_t (*const (&units)[kTilePanels])[kVectorBytes], const int8_t* x,
                             int64_t stride) {
  for (int u = 0; u < kUnits; ++u) {
    Words weights[kTilePanels];
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) weights[p] = load_words(units[p][u]);
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Words activations = broadcast4(x + r * stride + 4 * u);
      TIDEMILL_UNROLL
      for (int p = 0; p < kTilePanels; ++p) products[r][p] = dot<kSigned>(products[r][p], weights[p], activations);
    }
  }
}

// Makes the compiler load anew what it has already loaded through this pointer.
template <typename T>
HWY_INLINE void forget_origin(T*& pointer) {
  asm("" : "+r"(pointer));
}

// Where a tile finds the sums of earlier blocks of k, and where it leaves them; strides are in floats.
struct TileSumsAt {
  const float* in;  // null before the first block
  int64_t in_stride;
  float* out;
  int64_t out_stride;
};

template <int kRows>
HWY_INLINE void load_sums(const TileSumsAt& at, Floats (&sums)[kRows][kTilePanels]) {
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) {
      sums[r][p] = at.in == nullptr ? set_floats(0) : load_floats(at.in + r * at.in_stride + p * kPanelRows);
    }
  }
}

template <int kRows>
HWY_INLINE void save_sums(const TileSumsAt& at, const Floats (&sums)[kRows][kTilePanels]) {
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) {
      store_floats_unaligned(sums[r][p], at.out + r * at.out_stride + p * kPanelRows);
    }
  }
}

// One tile over one block of k.
template <int kRows, int kLength, bool kSigned>
void run_tile(const UnitBlock* blocks, int n_groups, bool has_min, const TileRows& x, const TileSumsAt& at) {
  constexpr int kPartsPerGroup = kGroupLength / kLength;
  constexpr int kUnits = kLength / 4;
  Floats sums[kRows][kTilePanels];
  load_sums(at, sums);
  for (int part = 0; part < n_groups * kPartsPerGroup; ++part) {
    const uint8_t(*units[kTilePanels])[kVectorBytes];
    Floats scale[kTilePanels];
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) {
      units[p] = blocks[p].units + part * kUnits;
      scale[p] = load_floats(blocks[p].scale[part]);
    }
    const int8_t* high = x.high + part * kLength;
    const ActivationTerm* terms = x.terms + part;
    Ints products[kRows][kTilePanels];
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      TIDEMILL_UNROLL
      for (int p = 0; p < kTilePanels; ++p) products[r][p] = set_ints(0);
    }
    add_products<kRows, kUnits, kSigned>(products, units, high, x.stride);
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) {
      forget_origin(units[p]);  // else the compiler keeps all weights in registers for the low numbers, and spills sums
    }
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      TIDEMILL_UNROLL
      for (int p = 0; p < kTilePanels; ++p) {
        products[r][p] = shift_left<8>(products[r][p]) + set_ints(terms[r * x.term_stride].start);
      }
    }
    add_products<kRows, kUnits, kSigned>(products, units, high + x.low, x.stride);
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) {
      TIDEMILL_UNROLL
      for (int r = 0; r < kRows; ++r) {
        sums[r][p] = mul_add(to_floats(products[r][p]), scale[p] * terms[r * x.term_stride].scale, sums[r][p]);
      }
    }
    if (!has_min) continue;
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) {
      const Floats min = load_floats(blocks[p].min[part]);
      TIDEMILL_UNROLL
      for (int r = 0; r < kRows; ++r) {
        sums[r][p] = mul_add(min, set_floats(terms[r * x.term_stride].sum), sums[r][p]);
      }
    }
  }
  save_sums(at, sums);
}

// Fetches packed weights while tiles compute: the bytes of the next blocks, spread evenly over the rows.
class Prefetcher {
 public:
  Prefetcher(const uint8_t* const (&next)[kTaskPanels], int64_t bytes, int64_t n_rows)
      : bytes_per_row_((bytes + n_rows - 1) / n_rows), bytes_(bytes) {
    std::copy_n(next, kTaskPanels, next_);
  }
  HWY_INLINE void fetch_for(int n_rows) {
    const int64_t end = std::min(bytes_, wanted_ += n_rows * bytes_per_row_);
    for (; at_ < end; at_ += kVectorBytes) {
      for (const uint8_t* panel : next_) __builtin_prefetch(panel + at_, 0, 2);  // into second-level cache
    }
  }

 private:
  const uint8_t* next_[kTaskPanels];
  int64_t bytes_per_row_;
  int64_t bytes_;
  int64_t wanted_ = 0;
  int64_t at_ = 0;
};

// Tiles of kRows rows as long as so many are left, then of fewer.
template <int kRows, int kLength, bool kSigned>
void run_tiles(const UnitBlock* blocks, int n_groups, bool has_min, TileRows x, int64_t n_rows, TileSumsAt at,
               Prefetcher& prefetcher) {
  for (; n_rows >= kRows; n_rows -= kRows) {
    prefetcher.fetch_for(kRows);
    for (int p = 0; p < kTaskPanels; p += kTilePanels) {
      const TileSumsAt tile{at.in == nullptr ? nullptr : at.in + p * kPanelRows, at.in_stride, at.out + p * kPanelRows,
                            at.out_stride};
      run_tile<kRows, kLength, kSigned>(blocks + p, n_groups, has_min, x, tile);
    }
    x.high += kRows * x.stride;
    x.terms += kRows * x.term_stride;
    if (at.in != nullptr) at.in += kRows * at.in_stride;
    at.out += kRows * at.out_stride;
  }
  if constexpr (kRows > 1) {
    constexpr int kFewer = kRows > 4 ? 4 : kRows > 2 ? 2 : 1;
    run_tiles<kFewer, kLength, kSigned>(blocks, n_groups, has_min, x, n_rows, at, prefetcher);
  }
}

using RunTiles = void (*)(const UnitBlock*, int, bool, TileRows, int64_t, TileSumsAt, Prefetcher&);

RunTiles tiles_of(PanelFormat format) {
  constexpr bool kAlwaysSigned = HWY_ARCH_ARM;
  constexpr bool kNeverSigned = HWY_TARGET == HWY_AVX3_DL;
  const bool is_long = format.scale_length == kGroupLength;
  if constexpr (!kNeverSigned) {
    // Formats with signed units here all have long parts, except where all units are signed.
    if (has_signed_units(format)) {
      if constexpr (kAlwaysSigned) {
        if (!is_long) return run_tiles<kTileRows, 16, true>;
      }
      return run_tiles<kTileRows, 32, true>;
    }
  }
  if constexpr (!kAlwaysSigned) {
    return is_long ? run_tiles<kTileRows, 32, false> : run_tiles<kTileRows, 16, false>;
  }
  return nullptr;
}

// Sums of blocks of k wait in scratch; those of the last block go to the output, unless the panels reach beyond it.
TileSumsAt sums_at(const MatmulTask& task, TaskScratch& scratch, bool is_first, bool is_last) {
  constexpr int64_t kStride = kTaskPanels * kPanelRows;
  TileSumsAt at{is_first ? nullptr : &scratch.sums[0][0], kStride, &scratch.sums[0][0], kStride};
  if (is_last && task.is_whole()) {
    at.out = task.out();
    at.out_stride = task.product.out_stride;
  }
  return at;
}

void gemm_of_target(const MatmulTask& task, const QuantizedRows& x, const ActivationTerm* terms, TaskScratch& scratch) {
  const DType dtype = task.product.dtype;
  const PanelFormat format = panel_format(dtype);
  const RunTiles run = tiles_of(format);
  const int64_t n_x = task.end_x - task.first_x;
  const int64_t n_parts = x.n_cols / format.scale_length;
  const int64_t n_superblocks = (x.n_cols + kSuperblockLength - 1) / kSuperblockLength;
  const int64_t n_blocks = (n_superblocks + kBlockSuperblocks - 1) / kBlockSuperblocks;
  const int64_t block_length = (n_superblocks + n_blocks - 1) / n_blocks * kSuperblockLength;
  const uint8_t* panels[kTaskPanels];
  for (int p = 0; p < kTaskPanels; ++p) panels[p] = task.panel(p);
  for (int64_t k = 0; k < x.n_cols; k += block_length) {
    const bool is_last = k + block_length >= x.n_cols;
    const int n_groups = static_cast<int>(std::min(block_length, x.n_cols - k) / kGroupLength);
    for (int p = 0; p < kTaskPanels; ++p) panels[p] = unpack_units(dtype, panels[p], n_groups, scratch.unit_blocks[p]);
    const TileRows rows{
        .high = x.high + task.first_x * x.n_cols + k,
        .stride = x.n_cols,
        .low = x.low - x.high,
        .terms = terms + task.first_x * n_parts + k / format.scale_length,
        .term_stride = n_parts,
    };
    if (is_last) {  // the next task probably has the next panels
      for (const uint8_t*& panel : panels) panel += panel_stride(dtype, x.n_cols);
    }
    Prefetcher prefetcher(panels, block_length / kSuperblockLength * format.superblock_bytes(), n_x);
    run(scratch.unit_blocks, n_groups, format.has_min(), rows, n_x, sums_at(task, scratch, k == 0, is_last),
        prefetcher);
  }
  if (!task.is_whole()) store_sums(task, scratch);
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(gemm_of_target);

void gemm(const MatmulTask& task, const QuantizedRows& x, const ActivationTerm* terms, TaskScratch& scratch) {
  HWY_DYNAMIC_DISPATCH(gemm_of_target)(task, x, terms, scratch);
}

}  // namespace tidemill
#endif  // HWY_ONCE
