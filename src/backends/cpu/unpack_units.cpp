#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/unpack_units.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/activations.h"
#include "backends/cpu/formats-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/unpack_units-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

template <int kUnit = 0, typename Group>
HWY_INLINE void store_units(const Group& group, uint8_t (*units)[kVectorBytes]) {
  if constexpr (kUnit < kUnitsPerGroup) {
    store_words(group.template unit<kUnit>(), units[kUnit]);
    store_units<kUnit + 1>(group, units);
  }
}

template <DType kDType, bool kPairs>
const uint8_t* unpack_units_of_dtype(const uint8_t* panel, int n_groups, UnitBlock& out) {
  constexpr int kVectorsPerGroup = kPairs ? kUnitsPerGroup / 2 : kUnitsPerGroup;
  constexpr PanelFormat kFormat = panel_format(kDType);
  constexpr int kPartsPerGroup = kGroupLength / kFormat.scale_length;
  for (int first = 0; first < n_groups; first += kGroupsPerSuperblock) {
    const int n = std::min(n_groups - first, kGroupsPerSuperblock);
    const SuperblockScales<kDType> scales(panel, n);
    for (int part = 0; part < n * kPartsPerGroup; ++part) {
      store_floats(scales.scale(part), out.scale[first * kPartsPerGroup + part]);
      if constexpr (kFormat.has_min()) store_floats(scales.min(part), out.min[first * kPartsPerGroup + part]);
    }
    panel += kFormat.header_bytes(n);
    for (int g = first; g < first + n; ++g, panel += kFormat.group_bytes()) {
      uint8_t(*units)[kVectorBytes] = out.units + g * kVectorsPerGroup;
      if constexpr (kPairs) {
        std::memcpy(units, panel, kVectorsPerGroup * kVectorBytes);
      } else {
        store_units(WholeGroup<kDType>{panel}, units);
      }
    }
  }
  return panel;
}

const uint8_t* unpack_units(DType dtype, const uint8_t* panel, int n_groups, UnitBlock& out) {
  switch (dtype) {
#define TIDEMILL_CASE(name) \
  case DType::name:         \
    return unpack_units_of_dtype<DType::name, false>(panel, n_groups, out);
    TIDEMILL_QUANTISED_DTYPES(TIDEMILL_CASE)
#undef TIDEMILL_CASE
    default:
      return panel;
  }
}

const uint8_t* unpack_halves(const uint8_t* high, const uint8_t*& low, int n_groups, UnitBlock& out) {
  constexpr PanelFormat kHalf = panel_format(DType::q4_0);
  for (int first = 0; first < n_groups; first += kGroupsPerSuperblock) {
    const int n = std::min(n_groups - first, kGroupsPerSuperblock);
    const SuperblockScales<DType::q8_0> scales(high, n);
    high += kHalf.header_bytes(n);
    for (int g = first; g < first + n; ++g, high += kHalf.group_bytes(), low += kHalf.group_bytes()) {
      store_floats(scales.scale(g - first), out.scale[g]);
      store_units(HalvedGroup{high, low}, out.units + g * kUnitsPerGroup);
    }
  }
  return high;
}

const uint8_t* unpack_pairs(DType dtype, const uint8_t* panel, int n_groups, UnitBlock& out) {
  switch (dtype) {
#define TIDEMILL_CASE(name)                                                  \
  case DType::name:                                                          \
    if constexpr (has_code_pairs(panel_format(DType::name)))                 \
      return unpack_units_of_dtype<DType::name, true>(panel, n_groups, out); \
    break;
    TIDEMILL_QUANTISED_DTYPES(TIDEMILL_CASE)
#undef TIDEMILL_CASE
    default:
      break;
  }
  return panel;
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
