// Every unit is unpacked in registers and used at once: the work per byte read is so small that memory sets the pace.
#include "backends/cpu/gemv.h"

#include <algorithm>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/gemv.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/few_rows-inl.h"
#include "backends/cpu/formats-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/wide_units-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// Where rows of activations are read, a group or a term at a time.
template <int kRows>
struct RowsAt {
  const ActivationGroup* groups[kRows];
  const ActivationTerm* terms[kRows];
  int64_t group = 0, term = 0;

  RowsAt(const QuantizedRows& x, const FewRows& rows, const ActivationTerm* all_terms, int64_t term_stride) {
    for (int r = 0; r < kRows; ++r) {
      groups[r] = x.groups + rows.row(r) * x.stride;
      terms[r] = all_terms + rows.row(r) * term_stride;
    }
  }
};

// Whether a tile of so many rows of bytes leaves the low numbers out, which are zeros.  With fewer rows memory sets the
// pace, and the kernel of all forms does.
template <int kRows>
constexpr bool kSkipsZeros = kRows == kFewRows && !kHasWideUnits;

// The integer sums of each row: of high and of low numbers.
template <int kRows>
struct Halves {
  HWY_INLINE Halves() {}  // as that of Lanes
  Ints high[kRows], low[kRows];
};

// sums += the products of units [kUnit, kEnd) of a group.
template <DType kDType, bool kHasLow, int kUnit, int kEnd, int kRows>
HWY_INLINE void add_units(Halves<kRows>& sums, const uint8_t* group, const RowsAt<kRows>& x) {
  if constexpr (kUnit < kEnd) {
    constexpr bool kSigned = has_signed_units(panel_format(kDType));
    const Words unit = unit_of<kDType, kUnit>(group);
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const ActivationGroup& numbers = x.groups[r][x.group];
      sums.high[r] = dot<kSigned>(sums.high[r], unit, broadcast4(numbers.high + 4 * kUnit));
      if constexpr (kHasLow) sums.low[r] = dot<kSigned>(sums.low[r], unit, broadcast4(numbers.low + 4 * kUnit));
    }
    add_units<kDType, kHasLow, kUnit + 1, kEnd>(sums, group, x);
  }
}

// sums += the products of a group of codes in pairs.
template <bool kHasLow, int kRows>
HWY_INLINE void add_pairs(Halves<kRows>& sums, const uint8_t* group, const RowsAt<kRows>& x) {
  TIDEMILL_UNROLL
  for (int v = 0; v < kUnitsPerGroup / 2; ++v) {
    const Words pairs = load_words(group + v * kVectorBytes);
    const Words first = codes_of_pairs<false>(pairs), second = codes_of_pairs<true>(pairs);
    const Words both = operand_of_pairs(pairs);
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const ActivationGroup& numbers = x.groups[r][x.group];
      sums.high[r] = dot<kSignedCodes>(sums.high[r], first, broadcast4(numbers.high + 4 * v));
      sums.high[r] = dot<kSignedCodes>(sums.high[r], second, broadcast4(numbers.high + kGroupLength / 2 + 4 * v));
      if constexpr (kHasLow) sums.low[r] = dot<kSignedPairs>(sums.low[r], both, broadcast4(numbers.low + 4 * v));
    }
  }
}

// Adds units [kUnit, kEnd) of a group, which share scale number `part` of the superblock.
template <DType kDType, bool kHasLow, int kUnit, int kEnd, int kRows>
HWY_INLINE void add_part(Floats (&acc)[kRows], const uint8_t* group, const SuperblockScales<kDType>& scales, int part,
                         RowsAt<kRows>& x) {
  constexpr PanelFormat kFormat = panel_format(kDType);
  Halves<kRows> sums;
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    sums.high[r] = set_ints(0);
    sums.low[r] = set_ints(x.terms[r][x.term].start);
  }
  if constexpr (has_code_pairs(kFormat)) {
    add_pairs<kHasLow>(sums, group, x);
  } else {
    add_units<kDType, kHasLow, kUnit, kEnd>(sums, group, x);
  }
  const Floats scale = scales.scale(part);
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    const Ints sum = shift_left<8>(sums.high[r]) + sums.low[r];
    acc[r] = mul_add(to_floats(sum) * x.terms[r][x.term].scale, scale, acc[r]);
  }
  if constexpr (kFormat.has_min()) {
    const Floats min = scales.min(part);
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) acc[r] = mul_add(min, set_floats(x.terms[r][x.term].sum), acc[r]);
  }
  ++x.term;
}

// What a tile fetches of the next panel where there are several: each its share, since the requests of one alone would
// wait for each other.
struct Fetch {
  const uint8_t* at = nullptr;
  int lines_per_group = 0;  // 0: one tile, which fetches what it reads itself some KiB ahead

  HWY_INLINE void step() {
    for (int line = 0; line < lines_per_group; ++line, at += kVectorBytes) hwy::Prefetch(at);
  }
};

template <DType kDType>
HWY_INLINE Fetch fetch_of(const uint8_t* panel, int64_t n_cols, const FewRows& rows) {
  const auto n_tiles = static_cast<int>(rows.n_tiles());
  if (n_tiles == 1) return {};
  constexpr int kBytes = panel_format(kDType).superblock_bytes() / kGroupsPerSuperblock;  // of a group, with its scales
  const int n_lines = (kBytes + n_tiles * kVectorBytes - 1) / (n_tiles * kVectorBytes);
  const int64_t share = n_cols / kGroupLength * n_lines * kVectorBytes;
  return {panel + panel_stride(kDType, n_cols) + rows.tile() * share, n_lines};
}

template <DType kDType, bool kHasLow, int kRows>
HWY_INLINE void dot_panel(const uint8_t* panel, int64_t n_cols, Fetch fetch, RowsAt<kRows> x, Floats (&acc)[kRows]) {
  constexpr PanelFormat kFormat = panel_format(kDType);
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) acc[r] = set_floats(0);
  int64_t groups_left = n_cols / kGroupLength;
  for (; groups_left > 0; groups_left -= kGroupsPerSuperblock) {
    const int n_groups = static_cast<int>(std::min<int64_t>(groups_left, kGroupsPerSuperblock));
    const SuperblockScales<kDType> scales(panel, n_groups);
    const bool is_ahead = kRows < kFewRows || fetch.lines_per_group == 0;
    if (is_ahead) prefetch_behind(panel, kFormat.header_bytes(n_groups));
    panel += kFormat.header_bytes(n_groups);
    for (int g = 0; g < n_groups; ++g) {
      is_ahead ? prefetch_behind(panel, kFormat.group_bytes()) : fetch.step();
      if constexpr (kFormat.scale_length == kGroupLength) {
        add_part<kDType, kHasLow, 0, 8>(acc, panel, scales, g, x);
      } else {
        add_part<kDType, kHasLow, 0, 4>(acc, panel, scales, 2 * g, x);
        add_part<kDType, kHasLow, 4, 8>(acc, panel, scales, 2 * g + 1, x);
      }
      ++x.group;
      panel += kFormat.group_bytes();
    }
  }
}

template <DType kDType>
void gemv_of_dtype(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x, int64_t n_x,
                   const ActivationTerm* terms) {
  const int64_t stride = panel_stride(kDType, product.n_cols);
  const int64_t term_stride = product.n_cols / panel_format(kDType).scale_length;
  const uint8_t* panel = product.panel(begin);
  for (int64_t p = begin; p < end; ++p, panel += stride) {
    for_each_few(n_x, [&](auto kind, const FewRows& rows) HWY_ATTR {
      constexpr int kRows = decltype(kind)::value;
      Floats sums[kRows];
      const RowsAt<kRows> at(x, rows, terms, term_stride);
      const Fetch fetch = fetch_of<kDType>(panel, product.n_cols, rows);
      if constexpr (kSkipsZeros<kRows>) {
        if (x.form == ActivationForm::bytes) {
          dot_panel<kDType, false>(panel, product.n_cols, fetch, at, sums);
          return store_panel(sums, rows, product, p);
        }
      }
      dot_panel<kDType, true>(panel, product.n_cols, fetch, at, sums);
      store_panel(sums, rows, product, p);
    });
  }
}

void gemv_of_target(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x, int64_t n_x,
                    const ActivationTerm* terms) {
  switch (product.dtype) {
#define TIDEMILL_CASE(name) \
  case DType::name:         \
    return gemv_of_dtype<DType::name>(product, begin, end, x, n_x, terms);
    TIDEMILL_QUANTISED_DTYPES(TIDEMILL_CASE)
#undef TIDEMILL_CASE
    default:
      return;
  }
}

int64_t most_gemv_rows_of_target() {
  return kMostFewRows;
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(gemv_of_target);
HWY_EXPORT(most_gemv_rows_of_target);

int64_t most_gemv_rows() {
  return HWY_DYNAMIC_DISPATCH(most_gemv_rows_of_target)();
}

void gemv(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x, int64_t n_x,
          const ActivationTerm* terms) {
  HWY_DYNAMIC_DISPATCH(gemv_of_target)(product, begin, end, x, n_x, terms);
}

}  // namespace tidemill
#endif  // HWY_ONCE
