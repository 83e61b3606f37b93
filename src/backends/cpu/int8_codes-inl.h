// The product of a byte of activations and one of weights, for linear layers in int8: codes of activations are unsigned
// where the processor multiplies those by signed numbers (VNNI), else signed.
//
// Included once per target by the .cpp files that use foreach_target.h.
#include <cstdint>

#include "backends/cpu/dot_int8-inl.h"
#include "backends/cpu/lanes-inl.h"

#if defined(TIDEMILL_BACKENDS_CPU_INT8_CODES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_BACKENDS_CPU_INT8_CODES_INL_H_
#undef TIDEMILL_BACKENDS_CPU_INT8_CODES_INL_H_
#else
#define TIDEMILL_BACKENDS_CPU_INT8_CODES_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL
using Int8Code = uint8_t;
inline constexpr int32_t kInt8Offset = 128;
#else
using Int8Code = int8_t;
inline constexpr int32_t kInt8Offset = 0;
#endif

// sums[row of the panel] += the 4 weights of a unit times 4 codes of activations.
HWY_INLINE Ints dot_codes(const Ints& sums, const Words& weights, const Words& codes) {
#if HWY_TARGET == HWY_AVX3_DL
  return dot<false>(sums, codes, weights);
#else
  return dot<true>(sums, weights, codes);
#endif
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include once per target
