// Every unit is unpacked in registers and used at once: the work per byte read is so small that memory sets the pace.
#include "backends/cpu/gemv.h"

#include <algorithm>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/gemv.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/formats-inl.h"
#include "backends/cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// sum + the products of units [kUnit, kEnd) with the activations x of their group.
template <DType kDType, int kUnit, int kEnd>
HWY_INLINE Ints dot_units(const Ints& sum, const uint8_t* group, const int8_t* x) {
  if constexpr (kUnit == kEnd) {
    return sum;
  } else {
    constexpr bool kSigned = has_signed_units(panel_format(kDType));
    return dot_units<kDType, kUnit + 1, kEnd>(
        dot<kSigned>(sum, unit_of<kDType, kUnit>(group), broadcast4(x + 4 * kUnit)), group, x);
  }
}

// One row's position in the activations.
struct ActivationCursor {
  const ActivationGroup* group;
  const ActivationTerm* term;
};

// `start` + the products of a group of codes in pairs.
HWY_INLINE Ints dot_pairs(const uint8_t* group, const ActivationGroup& x, int32_t start) {
  Ints high = set_ints(0), low = set_ints(start);
  TIDEMILL_UNROLL
  for (int v = 0; v < kUnitsPerGroup / 2; ++v) {
    const Words pairs = load_words(group + v * kVectorBytes);
    high = dot<kSignedCodes>(high, codes_of_pairs<false>(pairs), broadcast4(x.high + 4 * v));
    high = dot<kSignedCodes>(high, codes_of_pairs<true>(pairs), broadcast4(x.high + kGroupLength / 2 + 4 * v));
    low = dot<kSignedPairs>(low, operand_of_pairs(pairs), broadcast4(x.low + 4 * v));
  }
  return shift_left<8>(high) + low;
}

// Adds units [kUnit, kEnd) of a group, which share scale number `part` of the superblock.
template <DType kDType, int kUnit, int kEnd>
HWY_INLINE Floats add_part(const Floats& acc, const uint8_t* group, const SuperblockScales<kDType>& scales, int part,
                           const ActivationCursor& x) {
  const ActivationTerm& term = *x.term;
  Ints sum;
  if constexpr (activation_form(panel_format(kDType)) == ActivationForm::pairs) {
    sum = dot_pairs(group, *x.group, term.start);
  } else {
    const Ints of_high = dot_units<kDType, kUnit, kEnd>(set_ints(0), group, x.group->high);
    sum = dot_units<kDType, kUnit, kEnd>(shift_left<8>(of_high) + set_ints(term.start), group, x.group->low);
  }
  Floats out = mul_add(to_floats(sum) * term.scale, scales.scale(part), acc);
  if constexpr (panel_format(kDType).has_min()) out = mul_add(scales.min(part), set_floats(term.sum), out);
  return out;
}

template <DType kDType>
HWY_INLINE Floats dot_panel(const uint8_t* panel, const QuantizedRows& x, const ActivationTerm* terms) {
  constexpr PanelFormat kFormat = panel_format(kDType);
  ActivationCursor cursor{x.groups, terms};
  Floats acc = set_floats(0);
  int64_t groups_left = x.n_cols / kGroupLength;
  for (; groups_left > 0; groups_left -= kGroupsPerSuperblock) {
    const int n_groups = static_cast<int>(std::min<int64_t>(groups_left, kGroupsPerSuperblock));
    const SuperblockScales<kDType> scales(panel, n_groups);
    panel += kFormat.header_bytes(n_groups);
    for (int g = 0; g < n_groups; ++g) {
      for (int line = 0; line < kFormat.group_bytes(); line += kVectorBytes) prefetch_weights(panel + line);
      if constexpr (kFormat.scale_length == kGroupLength) {
        acc = add_part<kDType, 0, 8>(acc, panel, scales, g, cursor);
      } else {
        acc = add_part<kDType, 0, 4>(acc, panel, scales, 2 * g, cursor);
        ++cursor.term;
        acc = add_part<kDType, 4, 8>(acc, panel, scales, 2 * g + 1, cursor);
      }
      ++cursor.term;
      ++cursor.group;
      panel += kFormat.group_bytes();
    }
  }
  return acc;
}

template <DType kDType>
void gemv_of_dtype(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x,
                   const ActivationTerm* terms) {
  const int64_t stride = panel_stride(kDType, product.n_cols);
  const uint8_t* panel = product.panel(begin);
  for (int64_t p = begin; p < end; ++p, panel += stride) {
    HWY_ALIGN float result[kPanelRows];
    store_floats(dot_panel<kDType>(panel, x, terms), result);
    std::copy_n(result, std::min<int64_t>(kPanelRows, product.n_rows - p * kPanelRows), product.out + p * kPanelRows);
  }
}

void gemv_of_target(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x,
                    const ActivationTerm* terms) {
  switch (product.dtype) {
#define TIDEMILL_CASE(name) \
  case DType::name:         \
    return gemv_of_dtype<DType::name>(product, begin, end, x, terms);
    TIDEMILL_QUANTISED_DTYPES(TIDEMILL_CASE)
#undef TIDEMILL_CASE
    default:
      return;
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(gemv_of_target);

void gemv(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x, const ActivationTerm* terms) {
  HWY_DYNAMIC_DISPATCH(gemv_of_target)(product, begin, end, x, terms);
}

}  // namespace tidemill
#endif  // HWY_ONCE
