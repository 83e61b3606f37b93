// A tile of rows x panels keeps its sums in registers while one group of k passes: each vector of weights meets every
// row of the tile, each four activations meet every panel.  With 32 registers of 512 bits a tile of 6 x 2 has 12
// integer and 12 float accumulators and loads 8 vectors for 12 products, which two load ports sustain; with 16
// registers the float accumulators wait in the first-level cache while the products run.
//
// Without a product of bytes by fours the activations of a tile's rows are widened once for all of its panels
// (wide_units-inl.h).
#include "backends/cpu/gemm.h"

#include <algorithm>
#include <cstddef>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/gemm.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/formats-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/prefetcher.h"
#include "backends/cpu/tiles-inl.h"
#include "backends/cpu/unpack_units-inl.h"
#include "backends/cpu/wide_units-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3
constexpr int kTilePanels = 2, kTileRows = 6;
#elif HWY_TARGET == HWY_AVX2
constexpr int kTilePanels = 1, kTileRows = 4;
#elif HWY_TARGET == HWY_SCALAR
constexpr int kTilePanels = 1, kTileRows = 1;
#else
constexpr int kTilePanels = 1, kTileRows = kHasWideUnits ? 3 : 2;
#endif

// How the numbers of a format meet: a group's parts of kLength elements share a scale; kSigned: units are; kPairs:
// units are code pairs; kHasLow: activations have low numbers.
template <int kLength, bool kSigned, bool kPairs, bool kHasLow>
struct Meeting {
  static constexpr int length = kLength;
  static constexpr bool is_signed = kSigned;
  static constexpr bool is_pairs = kPairs;
  static constexpr bool has_low = kHasLow;
  static constexpr int parts_per_group = kGroupLength / kLength;
  static constexpr int vectors_per_part = kPairs ? kUnitsPerGroup / 2 : kLength / 4;
};

// Where the rows of a tile lie in the activations; strides are from one row to the next.
struct TileRows {
  const ActivationGroup* groups;
  int64_t stride;
  const ActivationTerm* terms;
  int64_t term_stride;
};

template <int kRows>
using Products = Ints[kRows][kTilePanels];
using Vectors = const uint8_t (*)[kVectorBytes];

// products += a vector of each panel times 4 activations `at` bytes into each row.
template <int kRows, bool kSigned>
HWY_INLINE void add_vector(Products<kRows>& products, const Words (&weights)[kTilePanels],
                           const int8_t* const (&rows)[kRows], int at) {
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    const Words activations = broadcast4(rows[r] + at);
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) products[r][p] = dot<kSigned>(products[r][p], weights[p], activations);
  }
}

// products += kUnits units of each panel times the activations `at` bytes into each row.
template <int kRows, int kUnits, bool kSigned>
HWY_INLINE void add_units(Products<kRows>& products, const Vectors (&units)[kTilePanels],
                          const int8_t* const (&rows)[kRows], int at) {
  for (int u = 0; u < kUnits; ++u) {
    Words weights[kTilePanels];
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) weights[p] = load_words(units[p][u]);
    add_vector<kRows, kSigned>(products, weights, rows, at + 4 * u);
  }
}

template <int kRows>
HWY_INLINE void add_codes_of_pairs(Products<kRows>& products, const Vectors (&pairs)[kTilePanels],
                                   const int8_t* const (&rows)[kRows]) {
  for (int v = 0; v < kUnitsPerGroup / 2; ++v) {
    Words weights[kTilePanels], codes[kTilePanels];
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) {
      weights[p] = load_words(pairs[p][v]);
      codes[p] = codes_of_pairs<false>(weights[p]);
    }
    add_vector<kRows, kSignedCodes>(products, codes, rows, 4 * v);
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) codes[p] = codes_of_pairs<true>(weights[p]);
    add_vector<kRows, kSignedCodes>(products, codes, rows, kGroupLength / 2 + 4 * v);
  }
}

template <int kRows>
HWY_INLINE void add_pairs(Products<kRows>& products, const Vectors (&pairs)[kTilePanels],
                          const int8_t* const (&rows)[kRows], int at) {
  for (int v = 0; v < kUnitsPerGroup / 2; ++v) {
    Words weights[kTilePanels];
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) weights[p] = operand_of_pairs(load_words(pairs[p][v]));
    add_vector<kRows, kSignedPairs>(products, weights, rows, at + 4 * v);
  }
}

// The products of one part, `at` bytes into the high numbers of its group.
template <int kRows, typename M>
HWY_INLINE void multiply_part(Products<kRows>& products, Vectors (&vectors)[kTilePanels],
                              const int8_t* const (&rows)[kRows], int at, const ActivationTerm* terms,
                              int64_t term_stride) {
  constexpr int kLow = offsetof(ActivationGroup, low);
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) {
      products[r][p] = set_ints(M::has_low ? 0 : terms[r * term_stride].start);
    }
  }
  if constexpr (M::is_pairs) {
    add_codes_of_pairs<kRows>(products, vectors, rows);
  } else {
    add_units<kRows, M::length / 4, M::is_signed>(products, vectors, rows, at);
  }
  if constexpr (!M::has_low) return;
  TIDEMILL_UNROLL
  for (int p = 0; p < kTilePanels; ++p) {
    forget_origin(vectors[p]);  // else the compiler keeps all weights in registers for the low numbers, and spills sums
  }
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) {
      products[r][p] = shift_left<8>(products[r][p]) + set_ints(terms[r * term_stride].start);
    }
  }
  if constexpr (M::is_pairs) {
    add_pairs<kRows>(products, vectors, rows, kLow);
  } else {
    add_units<kRows, M::length / 4, M::is_signed>(products, vectors, rows, kLow + at);
  }
}

// Parts of a vector that meet a word together; one where a word is read for each anew, to leave registers to the sums.
constexpr int kPartsAtOnce = kWordCopies > 1 ? 1 : kParts;

// Parts [first, first + kPartsAtOnce) of the products of a panel += operands from kOperand on of a vector times the
// words of each row that they meet, `word` and following.
template <int kRows, typename M, int kOperand = 0>
HWY_INLINE void add_operands(Products<kRows>& products, int panel, int first, const VU (&vector)[kPartsAtOnce],
                             const WideGroup* const (&rows)[kRows], int word) {
  if constexpr (kOperand < operand_count(M::is_pairs)) {
    VU operands[kPartsAtOnce];
    TIDEMILL_UNROLL
    for (int i = 0; i < kPartsAtOnce; ++i) {
      operands[i] = wide_operand<M::is_pairs, M::is_signed, kOperand>(vector[i]);
    }
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const VU x = activation_word(rows[r]->words[word + word_of_operand(kOperand)]);
      TIDEMILL_UNROLL
      for (int i = 0; i < kPartsAtOnce; ++i) {
        VI& sum = products[r][panel].part[first + i];
        sum = dot2(sum, operands[i], x);
      }
    }
    add_operands<kRows, M, kOperand + 1>(products, panel, first, vector, rows, word);
  }
}

// As multiply_part, with widened activations; first_unit: the part's, of its group.
template <int kRows, typename M>
HWY_INLINE void multiply_wide_part(Products<kRows>& products, const Vectors (&vectors)[kTilePanels],
                                   const WideGroup* const (&rows)[kRows], int first_unit, const ActivationTerm* terms,
                                   int64_t term_stride) {
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) products[r][p] = set_ints(terms[r * term_stride].start);
  }
  for (int v = 0; v < M::vectors_per_part; ++v) {
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) {
      const auto* const words = reinterpret_cast<const uint32_t*>(vectors[p][v]);
      TIDEMILL_UNROLL
      for (int first = 0; first < kParts; first += kPartsAtOnce) {
        VU vector[kPartsAtOnce];
        TIDEMILL_UNROLL
        for (int i = 0; i < kPartsAtOnce; ++i) vector[i] = hn::Load(DU(), words + (first + i) * kPartLanes);
        add_operands<kRows, M>(products, p, first, vector, rows, 2 * (first_unit + v));
      }
    }
  }
}

// Where a tile finds the sums of earlier blocks of k, and where it leaves them; strides are in floats.
struct TileSumsAt {
  const float* in;  // null before the first block
  int64_t in_stride;
  float* out;
  int64_t out_stride;

  TileSumsAt of_tile(int panel, int64_t row) const {
    return {in == nullptr ? nullptr : in + row * in_stride + panel * kPanelRows, in_stride,
            out + row * out_stride + panel * kPanelRows, out_stride};
  }
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

// sums += what part `part` adds to them.
template <int kRows>
HWY_INLINE void add_scaled(Floats (&sums)[kRows][kTilePanels], const Products<kRows>& products, const UnitBlock* blocks,
                           int part, bool has_min, const ActivationTerm* terms, int64_t term_stride) {
  Floats scale[kTilePanels];
  TIDEMILL_UNROLL
  for (int p = 0; p < kTilePanels; ++p) scale[p] = load_floats(blocks[p].scale[part]);
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) {
      // The product of the scales, which could be had before the integers are done, makes the tile a fifth slower.
      sums[r][p] = mul_add(to_floats(products[r][p]) * terms[r * term_stride].scale, scale[p], sums[r][p]);
    }
  }
  if (!has_min) return;
  TIDEMILL_UNROLL
  for (int p = 0; p < kTilePanels; ++p) {
    const Floats min = load_floats(blocks[p].min[part]);
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      sums[r][p] = mul_add(min, set_floats(terms[r * term_stride].sum), sums[r][p]);
    }
  }
}

// The activations of a tile's rows over one block of k, for all of its panels.
using WideRows = WideGroup[kTileRows][kBlockLength / kGroupLength];

// A task's tiles over one block of k.
template <typename M>
struct UnitTile {
  static constexpr int kPanels = kTilePanels;
  // What each row of activations is read as.
  using Group = std::conditional_t<kHasWideUnits, WideGroup, ActivationGroup>;

  const UnitBlock* blocks;
  int n_groups;
  bool has_min;
  TileRows x;
  TileSumsAt at;
  Prefetcher& prefetcher;
  WideRows& wide_rows;

  template <int kRows>
  void run(int panel, int64_t row) const {
    const TileSumsAt tile_at = at.of_tile(panel, row);
    Floats sums[kRows][kTilePanels];
    load_sums(tile_at, sums);
    const Group* rows[kRows];
    find_rows(panel == 0, row, rows);
    Vectors vectors[kTilePanels];
    TIDEMILL_UNROLL
    for (int p = 0; p < kTilePanels; ++p) vectors[p] = blocks[panel + p].units;
    const ActivationTerm* terms = x.terms + row * x.term_stride;
    for (int group = 0; group < n_groups; ++group) {
      prefetcher.step();
      TIDEMILL_UNROLL
      for (int i = 0; i < M::parts_per_group; ++i) {
        Products<kRows> products;
        multiply<kRows>(products, vectors, rows, i, terms);
        add_scaled<kRows>(sums, products, blocks + panel, group * M::parts_per_group + i, has_min, terms,
                          x.term_stride);
        TIDEMILL_UNROLL
        for (int p = 0; p < kTilePanels; ++p) vectors[p] += M::vectors_per_part;
        ++terms;
      }
      TIDEMILL_UNROLL
      for (int r = 0; r < kRows; ++r) ++rows[r];
    }
    save_sums(tile_at, sums);
  }

 private:
  // Rows of activations from `row` on; is_first: of the first panel that meets them.
  template <int kRows>
  HWY_INLINE void find_rows(bool is_first, int64_t row, const Group* (&rows)[kRows]) const {
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const ActivationGroup* const groups = x.groups + (row + r) * x.stride;
      if constexpr (kHasWideUnits) {
        for (int g = 0; is_first && g < n_groups; ++g) widen_group<M::is_pairs>(groups[g], wide_rows[r][g]);
        rows[r] = wide_rows[r];
      } else {
        rows[r] = groups;
      }
      forget_origin(rows[r]);  // a pointer each, not sums of a pointer and multiples of the stride
    }
  }

  template <int kRows>
  HWY_INLINE void multiply(Products<kRows>& products, Vectors (&vectors)[kTilePanels],
                           const Group* const (&rows)[kRows], int part, const ActivationTerm* terms) const {
    if constexpr (kHasWideUnits) {
      multiply_wide_part<kRows, M>(products, vectors, rows, part * M::length / 4, terms, x.term_stride);
    } else {
      const int8_t* numbers[kRows];
      TIDEMILL_UNROLL
      for (int r = 0; r < kRows; ++r) numbers[r] = rows[r]->high;
      multiply_part<kRows, M>(products, vectors, numbers, part * M::length, terms, x.term_stride);
    }
  }
};

template <typename M>
void run_tiles(const UnitBlock* blocks, int n_groups, bool has_min, const TileRows& x, int64_t n_rows,
               const TileSumsAt& at, Prefetcher& prefetcher) {
  WideRows wide_rows;  // not used, and then not there, where bytes meet
  for_each_tile<kTileRows>(UnitTile<M>{blocks, n_groups, has_min, x, at, prefetcher, wide_rows}, 0, n_rows);
}

using RunTiles = void (*)(const UnitBlock*, int, bool, const TileRows&, int64_t, const TileSumsAt&, Prefetcher&);

template <bool kHasLow>
RunTiles tiles_of(PanelFormat format) {
  if (has_code_pairs(format)) return run_tiles<Meeting<32, kSignedPairs, true, kHasLow>>;
  constexpr bool kAlwaysSigned = HWY_ARCH_ARM;
  constexpr bool kNeverSigned = HWY_TARGET == HWY_AVX3_DL;
  const bool is_long = format.scale_length == kGroupLength;
  if constexpr (!kNeverSigned) {
    // Formats with signed units here all have long parts, except where all units are signed.
    if (has_signed_units(format)) {
      if constexpr (kAlwaysSigned) {
        if (!is_long) return run_tiles<Meeting<16, true, false, kHasLow>>;
      }
      return run_tiles<Meeting<32, true, false, kHasLow>>;
    }
  }
  if constexpr (!kAlwaysSigned) {
    return is_long ? run_tiles<Meeting<32, false, false, kHasLow>> : run_tiles<Meeting<16, false, false, kHasLow>>;
  }
  return nullptr;
}

RunTiles tiles_of(PanelFormat format, ActivationForm form) {
  if constexpr (!kHasWideUnits) {  // where activations are widened low numbers cost nothing
    if (form == ActivationForm::bytes) return tiles_of<false>(format);
  }
  return tiles_of<true>(format);
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
  const RunTiles run = tiles_of(format, x.form);
  const auto unpack = has_code_pairs(format) ? unpack_pairs : unpack_units;
  const int64_t n_x = task.end_x - task.first_x;
  const int64_t n_parts = x.n_cols / format.scale_length;
  const int64_t n_superblocks = (x.n_cols + kSuperblockLength - 1) / kSuperblockLength;
  const int64_t n_blocks = (n_superblocks + kBlockSuperblocks - 1) / kBlockSuperblocks;
  const int64_t block_length = (n_superblocks + n_blocks - 1) / n_blocks * kSuperblockLength;
  const uint8_t* panels[kTaskPanels];
  const uint8_t* lows[kTaskPanels];
  for (int p = 0; p < kTaskPanels; ++p) {
    panels[p] = task.panel(p);
    lows[p] = task.low_panel(p);
  }
  for (int64_t k = 0; k < x.n_cols; k += block_length) {
    const bool is_last = k + block_length >= x.n_cols;
    const int n_groups = static_cast<int>(std::min(block_length, x.n_cols - k) / kGroupLength);
    for (int p = 0; p < kTaskPanels; ++p) {
      UnitBlock& block = scratch.unit_blocks[p];
      panels[p] = lows[p] != nullptr ? unpack_halves(panels[p], lows[p], n_groups, block)
                                     : unpack(dtype, panels[p], n_groups, block);
    }
    const TileRows rows{
        .groups = x.groups + task.first_x * x.stride + k / kGroupLength,
        .stride = x.stride,
        .terms = terms + task.first_x * n_parts + k / format.scale_length,
        .term_stride = n_parts,
    };
    if (is_last) {  // the next task probably has the next panels
      for (const uint8_t*& panel : panels) panel += (kTaskPanels - 1) * task.product.stride();
    }
    Prefetcher prefetcher(panels, block_length / kSuperblockLength * format.superblock_bytes(),
                          tile_count(kTileRows, n_x) * (kTaskPanels / kTilePanels) * n_groups);
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
