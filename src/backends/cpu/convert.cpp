#include "backends/cpu/convert.h"

#include <cassert>
#include <cstring>

#include "tensor/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/convert.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using FloatTag = hn::ScalableTag<float>;

// Calls `vectors(i)` for whole vectors and `single(i)` for what is left of n.
template <class Vectors, class Single>
HWY_INLINE void convert_all(int64_t n, const Vectors& vectors, const Single& single) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(FloatTag()));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) vectors(i);
  for (; i < n; ++i) single(i);
}

// Without instructions for f16 Highway truncates, and takes infinities for numbers.
#define TIDEMILL_HAS_F16 (HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SSE4)

void widen_f16(const uint16_t* source, float* target, int64_t n) {
#if TIDEMILL_HAS_F16
  convert_all(
      n,
      [&](int64_t i) HWY_ATTR {
        const hn::Rebind<hwy::float16_t, FloatTag> d16;
        const auto half = hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(source + i));
        hn::StoreU(hn::PromoteTo(FloatTag(), half), FloatTag(), target + i);
      },
      [&](int64_t i) { target[i] = f16_to_f32(source[i]); });
#else
  for (int64_t i = 0; i < n; ++i) target[i] = f16_to_f32(source[i]);
#endif
}

void widen_bf16(const uint16_t* source, float* target, int64_t n) {
  convert_all(
      n,
      [&](int64_t i) HWY_ATTR {
        const hn::RebindToUnsigned<FloatTag> d32;
        const auto bits = hn::PromoteTo(d32, hn::LoadU(hn::Rebind<uint16_t, decltype(d32)>(), source + i));
        hn::StoreU(hn::BitCast(FloatTag(), hn::ShiftLeft<16>(bits)), FloatTag(), target + i);
      },
      [&](int64_t i) { target[i] = bf16_to_f32(source[i]); });
}

void narrow_f16(const float* source, uint16_t* target, int64_t n) {
#if TIDEMILL_HAS_F16
  convert_all(
      n,
      [&](int64_t i) HWY_ATTR {
        const hn::Rebind<hwy::float16_t, FloatTag> d16;
        hn::StoreU(hn::DemoteTo(d16, hn::LoadU(FloatTag(), source + i)), d16,
                   reinterpret_cast<hwy::float16_t*>(target + i));
      },
      [&](int64_t i) { target[i] = f32_to_f16(source[i]); });
#else
  for (int64_t i = 0; i < n; ++i) target[i] = f32_to_f16(source[i]);
#endif
}
#undef TIDEMILL_HAS_F16

// As f32_to_bf16: half a step is added to the bits, less one where the result is even; a NaN is made a quiet one.
void narrow_bf16(const float* source, uint16_t* target, int64_t n) {
  convert_all(
      n,
      [&](int64_t i) HWY_ATTR {
        const hn::RebindToUnsigned<FloatTag> d32;
        const hn::Rebind<uint16_t, decltype(d32)> d16;
        const auto value = hn::LoadU(FloatTag(), source + i);
        const auto bits = hn::BitCast(d32, value), upper = hn::ShiftRight<16>(bits);
        const auto odd = hn::And(upper, hn::Set(d32, 1));
        const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::Set(d32, 0x7fff)), odd));
        const auto is_nan = hn::RebindMask(d32, hn::IsNaN(value));
        const auto result = hn::IfThenElse(is_nan, hn::Or(upper, hn::Set(d32, 0x40)), rounded);
        hn::StoreU(hn::TruncateTo(d16, result), d16, target + i);
      },
      [&](int64_t i) { target[i] = f32_to_bf16(source[i]); });
}

// The compiler makes vectors of these itself.
void widen_f64(const double* source, float* target, int64_t n) {
  for (int64_t i = 0; i < n; ++i) target[i] = static_cast<float>(source[i]);
}
void narrow_f64(const float* source, double* target, int64_t n) {
  for (int64_t i = 0; i < n; ++i) target[i] = source[i];
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(widen_f16);
HWY_EXPORT(widen_bf16);
HWY_EXPORT(widen_f64);
HWY_EXPORT(narrow_f16);
HWY_EXPORT(narrow_bf16);
HWY_EXPORT(narrow_f64);

void widen(DType dtype, const void* source, float* target, int64_t n) {
  switch (dtype) {
    case DType::f16:
      return HWY_DYNAMIC_DISPATCH(widen_f16)(static_cast<const uint16_t*>(source), target, n);
    case DType::bf16:
      return HWY_DYNAMIC_DISPATCH(widen_bf16)(static_cast<const uint16_t*>(source), target, n);
    case DType::f64:
      return HWY_DYNAMIC_DISPATCH(widen_f64)(static_cast<const double*>(source), target, n);
    default:
      assert(dtype == DType::f32);
      std::memcpy(target, source, static_cast<size_t>(n) * sizeof(float));
  }
}

void narrow(const float* source, DType dtype, void* target, int64_t n) {
  switch (dtype) {
    case DType::f16:
      return HWY_DYNAMIC_DISPATCH(narrow_f16)(source, static_cast<uint16_t*>(target), n);
    case DType::bf16:
      return HWY_DYNAMIC_DISPATCH(narrow_bf16)(source, static_cast<uint16_t*>(target), n);
    case DType::f64:
      return HWY_DYNAMIC_DISPATCH(narrow_f64)(source, static_cast<double*>(target), n);
    default:
      assert(dtype == DType::f32);
      std::memcpy(target, source, static_cast<size_t>(n) * sizeof(float));
  }
}

}  // namespace tidemill

#endif  // HWY_ONCE
