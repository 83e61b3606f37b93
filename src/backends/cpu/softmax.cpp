// Three passes over a row: its greatest number, the exponentials with their sum, the division.  Where caches hold a row
// it comes from memory once.
#include "backends/cpu/softmax.h"

#include <cstddef>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/softmax.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;

constexpr float kNone = -std::numeric_limits<float>::infinity();

// The first n elements, -infinity above.
HWY_INLINE FloatVec load_padded(const float* p, size_t n) {
  const FloatTag d;
  return hn::IfThenElse(hn::FirstN(d, n), load_first(d, p, n), hn::Set(d, kNone));
}

// The greatest number; of a NaN nothing is known here, it shows in the exponentials.
HWY_INLINE FloatVec greatest(const float* x, size_t n) {
  const FloatTag d;
  const size_t lanes = hn::Lanes(d);
  FloatVec m0 = hn::Set(d, kNone), m1 = m0, m2 = m0, m3 = m0;
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    m0 = hn::Max(m0, hn::LoadU(d, x + i));
    m1 = hn::Max(m1, hn::LoadU(d, x + i + lanes));
    m2 = hn::Max(m2, hn::LoadU(d, x + i + 2 * lanes));
    m3 = hn::Max(m3, hn::LoadU(d, x + i + 3 * lanes));
  }
  for (; i + lanes <= n; i += lanes) m0 = hn::Max(m0, hn::LoadU(d, x + i));
  if (i < n) m1 = hn::Max(m1, load_padded(x + i, n - i));
  return hn::MaxOfLanes(d, hn::Max(hn::Max(m0, m1), hn::Max(m2, m3)));
}

// Stores the exponentials and gives their sum.
HWY_INLINE FloatVec exponentials(const float* x, float* out, size_t n, FloatVec max) {
  const FloatTag d;
  const size_t lanes = hn::Lanes(d);
  FloatVec s0 = hn::Zero(d), s1 = s0;
  size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {  // two chains of an exponential side by side
    const FloatVec e0 = exp_f32(d, hn::Sub(hn::LoadU(d, x + i), max));
    const FloatVec e1 = exp_f32(d, hn::Sub(hn::LoadU(d, x + i + lanes), max));
    hn::StoreU(e0, d, out + i);
    hn::StoreU(e1, d, out + i + lanes);
    s0 = hn::Add(s0, e0);
    s1 = hn::Add(s1, e1);
  }
  for (; i + lanes <= n; i += lanes) {
    const FloatVec e = exp_f32(d, hn::Sub(hn::LoadU(d, x + i), max));
    hn::StoreU(e, d, out + i);
    s0 = hn::Add(s0, e);
  }
  if (i < n) {
    const FloatVec e = exp_f32(d, hn::Sub(load_padded(x + i, n - i), max));
    store_first(d, e, out + i, n - i);
    s1 = hn::Add(s1, hn::IfThenElseZero(hn::FirstN(d, n - i), e));
  }
  return hn::SumOfLanes(d, hn::Add(s0, s1));
}

void softmax_rows_of_target(const float* x, float* out, int64_t n_rows, int64_t width) {
  const FloatTag d;
  const auto n = static_cast<size_t>(width);
  for (int64_t row = 0; row < n_rows; ++row, x += width, out += width) {
    const FloatVec sum = exponentials(x, out, n, greatest(x, n));
    const FloatVec factor = hn::Div(hn::Set(d, 1.0f), sum);
    for_each_vector(d, n, [&](auto load, auto store) HWY_ATTR { store(hn::Mul(load(out), factor), out); });
  }
}

// kVectors vectors of columns side by side, whole ones: their greatest numbers and sums stay in registers.
template <size_t kVectors>
HWY_INLINE void softmax_stripe(const float* x, int64_t stride, float* out, int64_t out_stride, int64_t n_rows) {
  const FloatTag d;
  const size_t lanes = hn::Lanes(d);
  FloatVec max[kVectors], sums[kVectors];
  for (size_t v = 0; v < kVectors; ++v) max[v] = hn::Set(d, kNone), sums[v] = hn::Zero(d);
  for (int64_t row = 0; row < n_rows; ++row) {
    for (size_t v = 0; v < kVectors; ++v) max[v] = hn::Max(max[v], hn::LoadU(d, x + row * stride + v * lanes));
  }
  for (int64_t row = 0; row < n_rows; ++row) {
    for (size_t v = 0; v < kVectors; ++v) {
      const FloatVec e = exp_f32(d, hn::Sub(hn::LoadU(d, x + row * stride + v * lanes), max[v]));
      hn::StoreU(e, d, out + row * out_stride + v * lanes);
      sums[v] = hn::Add(sums[v], e);
    }
  }
  for (size_t v = 0; v < kVectors; ++v) sums[v] = hn::Div(hn::Set(d, 1.0f), sums[v]);
  for (int64_t row = 0; row < n_rows; ++row) {
    float* const at = out + row * out_stride;
    for (size_t v = 0; v < kVectors; ++v) {
      hn::StoreU(hn::Mul(hn::LoadU(d, at + v * lanes), sums[v]), d, at + v * lanes);
    }
  }
}

void softmax_columns_of_target(const float* x, int64_t stride, float* out, int64_t out_stride, int64_t n_rows,
                               int64_t n_columns) {
  const FloatTag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t j = 0;
  for (; j + 4 * lanes <= n_columns; j += 4 * lanes) softmax_stripe<4>(x + j, stride, out + j, out_stride, n_rows);
  for (; j + lanes <= n_columns; j += lanes) softmax_stripe<1>(x + j, stride, out + j, out_stride, n_rows);
  for (; j < n_columns; ++j) {  // the same arithmetic, in the first lane
    FloatVec max = hn::Set(d, kNone), sum = hn::Zero(d);
    for (int64_t row = 0; row < n_rows; ++row) max = hn::Max(max, hn::Set(d, x[row * stride + j]));
    for (int64_t row = 0; row < n_rows; ++row) {
      const FloatVec e = exp_f32(d, hn::Sub(hn::Set(d, x[row * stride + j]), max));
      out[row * out_stride + j] = hn::GetLane(e);
      sum = hn::Add(sum, e);
    }
    const float factor = hn::GetLane(hn::Div(hn::Set(d, 1.0f), sum));
    for (int64_t row = 0; row < n_rows; ++row) out[row * out_stride + j] *= factor;
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(softmax_rows_of_target);
HWY_EXPORT(softmax_columns_of_target);

void softmax_rows(const float* x, float* out, int64_t n_rows, int64_t width) {
  HWY_DYNAMIC_DISPATCH(softmax_rows_of_target)(x, out, n_rows, width);
}

void softmax_columns(const float* x, int64_t stride, float* out, int64_t out_stride, int64_t n_rows,
                     int64_t n_columns) {
  HWY_DYNAMIC_DISPATCH(softmax_columns_of_target)(x, stride, out, out_stride, n_rows, n_columns);
}

}  // namespace tidemill

#endif  // HWY_ONCE
