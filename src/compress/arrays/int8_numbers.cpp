#include "compress/arrays/int8_numbers.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compress/arrays/int8_numbers.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <typename Unsigned>
HWY_INLINE uint64_t largest(const void* numbers, size_t n) {
  const auto* bits = static_cast<const Unsigned*>(numbers);
  Unsigned most = 0;
  for (size_t index = 0; index < n; ++index) {
    const auto magnitude = static_cast<Unsigned>(bits[index] & std::numeric_limits<Unsigned>::max() >> 1);
    most = most < magnitude ? magnitude : most;
  }
  return most;
}

uint64_t largest_bits(DType dtype, const void* numbers, size_t n) {
  if (dtype == DType::f16) return largest<uint16_t>(numbers, n);
  return dtype == DType::f32 ? largest<uint32_t>(numbers, n) : largest<uint64_t>(numbers, n);
}

// One rule for what is left of a vector; NearestInt and Round round ties to even, as rint does by default.
template <typename Real>
HWY_INLINE int8_t rounded(Real quotient) {
  return static_cast<int8_t>(std::clamp<Real>(std::rint(quotient), -127, 127));
}

#if HWY_TARGET == HWY_SCALAR
constexpr bool kHasVectors = false;
#else
constexpr bool kHasVectors = true;
#endif

// Numbers as what they are divided in, one and a vector.
HWY_INLINE float value_of(uint16_t bits) {
  return f16_to_f32(bits);
}
HWY_INLINE float value_of(float number) {
  return number;
}
HWY_INLINE double value_of(double number) {
  return number;
}
template <class D>
HWY_INLINE hn::VFromD<D> load_values(D d, const uint16_t* numbers) {
  const hn::Rebind<hwy::float16_t, D> d16;
  return hn::PromoteTo(d, hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(numbers)));
}
template <class D>
HWY_INLINE hn::VFromD<D> load_values(D d, const hn::TFromD<D>* numbers) {
  return hn::LoadU(d, numbers);
}

template <class D>
HWY_INLINE auto nearest(D d, hn::VFromD<D> quotients) {
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    const hn::Rebind<int32_t, D> d32;
    return hn::DemoteTo(d32, hn::Round(quotients));
  } else {
    (void)d;
    return hn::NearestInt(quotients);
  }
}

template <typename Number, typename Real>
HWY_INLINE void divide(const Number* numbers, size_t n, Real scale, int8_t* quantized) {
  size_t index = 0;
  if constexpr (kHasVectors) {
    const hn::ScalableTag<Real> d;
    const hn::Rebind<int8_t, decltype(d)> d8;
    const auto divisor = hn::Set(d, scale);
    for (; index + hn::Lanes(d) <= n; index += hn::Lanes(d)) {
      const auto whole = nearest(d, hn::Div(load_values(d, numbers + index), divisor));
      hn::StoreU(hn::DemoteTo(d8, whole), d8, quantized + index);
    }
  }
  for (; index < n; ++index) quantized[index] = rounded(value_of(numbers[index]) / scale);
}

void to_int8_f16(const uint16_t* numbers, size_t n, float scale, int8_t* quantized) {
  divide(numbers, n, scale, quantized);
}
void to_int8_f32(const float* numbers, size_t n, float scale, int8_t* quantized) {
  divide(numbers, n, scale, quantized);
}
void to_int8_f64(const double* numbers, size_t n, double scale, int8_t* quantized) {
  divide(numbers, n, scale, quantized);
}

template <typename Real>
HWY_INLINE void multiply(const int8_t* quantized, size_t n, Real scale, Real* numbers) {
  for (size_t index = 0; index < n; ++index) numbers[index] = static_cast<Real>(quantized[index]) * scale;
}

void from_int8_f32(const int8_t* quantized, size_t n, float scale, float* numbers) {
  multiply(quantized, n, scale, numbers);
}
void from_int8_f64(const int8_t* quantized, size_t n, double scale, double* numbers) {
  multiply(quantized, n, scale, numbers);
}

void from_int8_f16(const int8_t* quantized, size_t n, float scale, uint16_t* numbers) {
  size_t index = 0;
  if constexpr (kHasVectors) {
    const hn::ScalableTag<float> d;
    const hn::Rebind<hwy::float16_t, decltype(d)> d16;
    const hn::Rebind<int8_t, decltype(d)> d8;
    const hn::Rebind<int32_t, decltype(d)> d32;
    const auto factor = hn::Set(d, scale);
    for (; index + hn::Lanes(d) <= n; index += hn::Lanes(d)) {
      const auto whole = hn::ConvertTo(d, hn::PromoteTo(d32, hn::LoadU(d8, quantized + index)));
      hn::StoreU(hn::DemoteTo(d16, hn::Mul(whole, factor)), d16, reinterpret_cast<hwy::float16_t*>(numbers + index));
    }
  }
  for (; index < n; ++index) numbers[index] = f32_to_f16(static_cast<float>(quantized[index]) * scale);
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(largest_bits);
HWY_EXPORT(to_int8_f16);
HWY_EXPORT(to_int8_f32);
HWY_EXPORT(to_int8_f64);
HWY_EXPORT(from_int8_f16);
HWY_EXPORT(from_int8_f32);
HWY_EXPORT(from_int8_f64);

uint64_t largest_magnitude(DType dtype, const void* numbers, size_t n) {
  return HWY_DYNAMIC_DISPATCH(largest_bits)(dtype, numbers, n);
}

void to_int8(DType dtype, const void* numbers, size_t n, double scale, int8_t* quantized) {
  const auto single = static_cast<float>(scale);
  if (dtype == DType::f16) {
    HWY_DYNAMIC_DISPATCH(to_int8_f16)(static_cast<const uint16_t*>(numbers), n, single, quantized);
  } else if (dtype == DType::f32) {
    HWY_DYNAMIC_DISPATCH(to_int8_f32)(static_cast<const float*>(numbers), n, single, quantized);
  } else {
    HWY_DYNAMIC_DISPATCH(to_int8_f64)(static_cast<const double*>(numbers), n, scale, quantized);
  }
}

void from_int8(DType dtype, const int8_t* quantized, size_t n, double scale, void* numbers) {
  const auto single = static_cast<float>(scale);
  if (dtype == DType::f16) {
    HWY_DYNAMIC_DISPATCH(from_int8_f16)(quantized, n, single, static_cast<uint16_t*>(numbers));
  } else if (dtype == DType::f32) {
    HWY_DYNAMIC_DISPATCH(from_int8_f32)(quantized, n, single, static_cast<float*>(numbers));
  } else {
    HWY_DYNAMIC_DISPATCH(from_int8_f64)(quantized, n, scale, static_cast<double*>(numbers));
  }
}

}  // namespace tidemill

#endif
