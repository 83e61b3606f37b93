#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/unpack_units.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/formats-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/unpack_units-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

template <DType kDType, int kUnit = 0>
HWY_INLINE void store_units(const uint8_t* group, uint8_t (*units)[kVectorBytes]) {
  if constexpr (kUnit < kUnitsPerGroup) {
    store_words(unit_of<kDType, kUnit>(group), units[kUnit]);
    store_units<kDType, kUnit + 1>(group, units);
  }
}

template <DType kDType>
const uint8_t* unpack_units_of_dtype(const uint8_t* panel, int n_groups, UnitBlock& out) {
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
      store_units<kDType>(panel, out.units + g * kUnitsPerGroup);
    }
  }
  return panel;
}

const uint8_t* unpack_units(DType dtype, const uint8_t* panel, int n_groups, UnitBlock& out) {
  switch (dtype) {
#define TIDEMILL_CASE(name) \
  case DType::name:         \
    return unpack_units_of_dtype<DType::name>(panel, n_groups, out);
    TIDEMILL_QUANTISED_DTYPES(TIDEMILL_CASE)
#undef TIDEMILL_CASE
    default:
      return panel;
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
