// Why the bound holds.  The low half of a code is 0..15, so a code is within 7.5 of the one with its high half and 7.5
// in place of the low one; a group's product is within 7.5 * sum |x| of that of these middles, in steps of both scales.
// Integers are exact here and in the plain kernel.  Both round a group's integer to f32, multiply it by the scale of x
// (one rounding each) and add it, times the weight's scale, to the sum so far (one more).  With u = 2^-24 and n groups,
// each of the two results is then within (n + 2) u (1 + (n + 2) u) of its exact value, in parts of the sum S of
// |scales| * 128 * sum |x|, since no code is further than 128 from its offset.  The bound itself is a sum of n products
// of rounded terms, within (n + 4) u of itself, and the last addition rounds once, by at most 1.1 u S.  All together
// are below (266 n + 676) u sum |x| |scales|, or (36 n + 91) u of the bound; it is made (48 n + 384) u larger.
// Nothing underflows: scales of x are 0 or at least 2^-96 (kLeastMagnitude), those of weights 0 or at least 2^-24.
#include "backends/cpu/halved_gemv.h"

#include <algorithm>
#include <cstdlib>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/halved_gemv.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/few_rows-inl.h"
#include "backends/cpu/formats-inl.h"
#include "backends/cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

constexpr PanelFormat kHalf = panel_format(DType::q4_0);  // the form of each part
constexpr int kPlaneBytes = kHalf.group_bytes();

// The rows of a tile, and what their sums are made of.
template <int kRows>
struct RowsAt {
  const ActivationGroup* groups[kRows];
  const ActivationTerm* terms[kRows];

  RowsAt(const QuantizedRows& x, const FewRows& rows, const ActivationTerm* all_terms) {
    for (int r = 0; r < kRows; ++r) {
      groups[r] = x.groups + rows.row(r) * x.stride;
      terms[r] = all_terms + rows.row(r) * (x.n_cols / kGroupLength);
    }
  }
};

// Adds units kUnit and following of group `g` times the high and the low numbers of each row.
template <int kUnit, int kRows>
HWY_INLINE void add_units(Ints (&high)[kRows], Ints (&low)[kRows], const HalvedGroup& group, const RowsAt<kRows>& x,
                          int64_t g) {
  if constexpr (kUnit < kUnitsPerGroup) {
    const Words unit = group.unit<kUnit>();
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const ActivationGroup& numbers = x.groups[r][g];
      high[r] = dot<HalvedGroup::kSigned>(high[r], unit, broadcast4(numbers.high + 4 * kUnit));
      low[r] = dot<HalvedGroup::kSigned>(low[r], unit, broadcast4(numbers.low + 4 * kUnit));
    }
    add_units<kUnit + 1>(high, low, group, x, g);
  }
}

// kAhead: panels that follow are wanted, too, and fetched.
template <bool kAhead, int kRows>
HWY_INLINE void dot_halved_panel(const uint8_t* high, const uint8_t* low, int64_t n_cols, const RowsAt<kRows>& x,
                                 Floats (&acc)[kRows]) {
  TIDEMILL_UNROLL
  for (int r = 0; r < kRows; ++r) acc[r] = set_floats(0);
  const int64_t n_groups = n_cols / kGroupLength;
  for (int64_t first = 0; first < n_groups; first += kGroupsPerSuperblock) {
    const int n = static_cast<int>(std::min<int64_t>(n_groups - first, kGroupsPerSuperblock));
    const SuperblockScales<DType::q8_0> scales(high, n);
    if constexpr (kAhead) prefetch_behind(high, kHalf.header_bytes(n));
    high += kHalf.header_bytes(n);
    for (int64_t g = first; g < first + n; ++g, high += kPlaneBytes, low += kPlaneBytes) {
      if constexpr (kAhead) {
        prefetch_behind(high, kPlaneBytes);
        prefetch_behind(low, kPlaneBytes);
      }
      Ints of_high[kRows], of_low[kRows];
      TIDEMILL_UNROLL
      for (int r = 0; r < kRows; ++r) {
        of_high[r] = set_ints(0);
        of_low[r] = set_ints(x.terms[r][g].start);
      }
      add_units<0>(of_high, of_low, HalvedGroup{high, low}, x, g);
      const Floats scale = scales.scale(static_cast<int>(g - first));
      TIDEMILL_UNROLL
      for (int r = 0; r < kRows; ++r) {
        const Ints sum = shift_left<8>(of_high[r]) + of_low[r];
        acc[r] = mul_add(to_floats(sum) * x.terms[r][g].scale, scale, acc[r]);
      }
    }
  }
}

// High halves alone, as codes of 4 bits.
struct HighGroup {
  static constexpr bool kSigned = kSignedCodes;
  const uint8_t* high;
  template <int kUnit>
  HWY_INLINE Words unit() const {
    return shift_and<kUnit / 4 * 4>(load_words(high + kUnit % 4 * kVectorBytes), 0x0f0f0f0f);
  }
};

HWY_INLINE Floats magnitude(const Floats& a) {
  Floats out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Abs(a.part[i]);
  return out;
}

// An upper bound of the products of a panel's rows; NaN where a weight's scale is.
HWY_INLINE Floats bound_panel(const uint8_t* high, const QuantizedRows& x, const BoundTerm* term) {
  const ActivationGroup* group = x.groups;
  Floats middle = set_floats(0), reach = set_floats(0);
  for (int64_t left = x.n_cols / kGroupLength; left > 0; left -= kGroupsPerSuperblock) {
    const int n_groups = static_cast<int>(std::min<int64_t>(left, kGroupsPerSuperblock));
    const SuperblockScales<DType::q8_0> scales(high, n_groups);
    prefetch_behind(high, kHalf.header_bytes(n_groups));
    high += kHalf.header_bytes(n_groups);
    for (int g = 0; g < n_groups; ++g, ++group, ++term, high += kPlaneBytes) {
      prefetch_behind(high, kPlaneBytes);
      const Ints sum = dot_halves<0, kUnitsPerGroup>(HighGroup{high}, group->high, group->low, 0);
      const Ints doubled = shift_left<5>(sum) + set_ints(term->start);
      const Floats scale = scales.scale(g);
      middle = mul_add(to_floats(doubled) * term->scale, scale, middle);
      reach = mul_add(magnitude(scale), set_floats(term->reach), reach);
    }
  }
  return middle + reach;
}

// Whether any number is not less than `limit`; NaN is not.
HWY_INLINE bool any_within(const Floats& a, float limit) {
  bool is_less = true;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) is_less = is_less && hn::AllTrue(DF(), hn::Lt(a.part[i], hn::Set(DF(), limit)));
  return !is_less;
}

template <bool kAhead>
void gemv_halved_panels(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x, int64_t n_x,
                        const ActivationTerm* terms) {
  const HalvedStrides strides = halved_strides(product.n_cols);
  const uint8_t* high = product.panel(begin);
  const uint8_t* low = product.low_panel(begin);
  for (int64_t p = begin; p < end; ++p, high += strides.high, low += strides.low) {
    for_each_few(n_x, [&](auto kind, const FewRows& rows) HWY_ATTR {
      constexpr int kRows = decltype(kind)::value;
      Floats sums[kRows];
      dot_halved_panel<kAhead>(high, low, product.n_cols, RowsAt<kRows>(x, rows, terms), sums);
      store_panel(sums, rows, product, p);
    });
  }
}

void gemv_halved_of_target(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x, int64_t n_x,
                           const ActivationTerm* terms) {
  if (end - begin > 1) {
    gemv_halved_panels<true>(product, begin, end, x, n_x, terms);
  } else {
    gemv_halved_panels<false>(product, begin, end, x, n_x, terms);
  }
}

uint32_t panels_within_of_target(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x,
                                 const BoundTerm* terms, float limit) {
  const int64_t stride = halved_strides(product.n_cols).high;
  const uint8_t* high = product.panel(begin);
  uint32_t found = 0;
  for (int64_t p = begin; p < end; ++p, high += stride) {
    if (any_within(bound_panel(high, x, terms), limit)) found |= uint32_t{1} << (p - begin);
  }
  return found;
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(gemv_halved_of_target);
HWY_EXPORT(panels_within_of_target);

void gemv_halved(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x, int64_t n_x,
                 const ActivationTerm* terms) {
  HWY_DYNAMIC_DISPATCH(gemv_halved_of_target)(product, begin, end, x, n_x, terms);
}

bool make_bound_terms(const QuantizedRows& x, BoundTerm* terms) {
  constexpr float kMostScale = 0x1p60f;  // times integers of 2^27, weights of 2^16 and 2^20 groups: no overflow
  const int64_t n_groups = x.n_cols / kGroupLength;
  const float slack = 1 + 48 * static_cast<float>(n_groups + 8) * 0x1p-24f;
  for (int64_t g = 0; g < n_groups; ++g) {
    const float scale = x.scale[g];
    if (!(scale <= kMostScale)) return false;
    int32_t magnitudes = 0;
    for (int i = 0; i < kGroupLength; ++i) magnitudes += std::abs(256 * x.groups[g].high[i] + x.groups[g].low[i]);
    // A code's middle, 16 * high + 7.5, is 120.5 above the weight; doubled, all is an integer.
    terms[g] = {0.5f * scale, -241 * (x.sums[2 * g] + x.sums[2 * g + 1]),
                7.5f * static_cast<float>(magnitudes) * scale * slack};
  }
  return true;
}

uint32_t panels_within(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x,
                       const BoundTerm* terms, float limit) {
  return HWY_DYNAMIC_DISPATCH(panels_within_of_target)(product, begin, end, x, terms, limit);
}

}  // namespace tidemill
#endif  // HWY_ONCE
