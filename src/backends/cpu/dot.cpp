#include "backends/cpu/dot.h"

#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/dot.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// Multiply-adds take four cycles and two begin in each: eight sums keep both units busy.
constexpr size_t kSums = 8;

template <typename T>
HWY_INLINE T dot_of(const T* a, const T* b, size_t n) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  size_t i = 0;
  const auto step = [&](size_t j, auto& sum) HWY_ATTR {
    sum = hn::MulAdd(hn::LoadU(d, a + i + j * lanes), hn::LoadU(d, b + i + j * lanes), sum);
  };
  for (; i + kSums * lanes <= n; i += kSums * lanes) {
    step(0, s0), step(1, s1), step(2, s2), step(3, s3), step(4, s4), step(5, s5), step(6, s6), step(7, s7);
  }
  for (; i + lanes <= n; i += lanes) step(0, s0);
  if (i < n) s1 = hn::MulAdd(load_first(d, a + i, n - i), load_first(d, b + i, n - i), s1);
  s0 = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
  s4 = hn::Add(hn::Add(s4, s5), hn::Add(s6, s7));
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(s0, s4)));
}

float dot_f32(const float* a, const float* b, int64_t n) {
  return dot_of(a, b, static_cast<size_t>(n));
}
double dot_f64(const double* a, const double* b, int64_t n) {
  return dot_of(a, b, static_cast<size_t>(n));
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(dot_f32);
HWY_EXPORT(dot_f64);

float dot(const float* a, const float* b, int64_t n) {
  return HWY_DYNAMIC_DISPATCH(dot_f32)(a, b, n);
}
double dot(const double* a, const double* b, int64_t n) {
  return HWY_DYNAMIC_DISPATCH(dot_f64)(a, b, n);
}

}  // namespace tidemill

#endif  // HWY_ONCE
