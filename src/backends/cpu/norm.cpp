#include "backends/cpu/norm.h"

#include <cmath>

#include "backends/cpu/grain.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/norm.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// Sum of squares in lanes: four sums side by side, for their latency, that are joined in a fixed order.
static float sum_of_squares(const float* x, size_t n) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const auto x0 = hn::LoadU(d, x + i), x1 = hn::LoadU(d, x + i + lanes);
    const auto x2 = hn::LoadU(d, x + i + 2 * lanes), x3 = hn::LoadU(d, x + i + 3 * lanes);
    sum0 = hn::MulAdd(x0, x0, sum0);
    sum1 = hn::MulAdd(x1, x1, sum1);
    sum2 = hn::MulAdd(x2, x2, sum2);
    sum3 = hn::MulAdd(x3, x3, sum3);
  }
  for_each_vector(d, n - i, [&](auto load, auto) HWY_ATTR {
    const auto v = load(x + i);
    sum0 = hn::MulAdd(v, v, sum0);
  });
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
}

void rms_norm_rows(const float* x, const float* weight, float eps, float* out, int64_t n_rows, int64_t width) {
  const hn::ScalableTag<float> d;
  const auto n = static_cast<size_t>(width);
  for (int64_t row = 0; row < n_rows; ++row, x += width, out += width) {
    const auto scale = hn::Set(d, 1.0f / std::sqrt(sum_of_squares(x, n) / static_cast<float>(width) + eps));
    for_each_vector(
        d, n, [&](auto load, auto store) HWY_ATTR { store(hn::Mul(hn::Mul(load(x), scale), load(weight)), out); });
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(rms_norm_rows);

void rms_norm(ThreadPool& pool, const Tensor& x, const Tensor& weight, float eps, const Tensor& out) {
  const int64_t width = weight.dim(0);
  if (x.n_elements() == 0) return;
  const auto rows = &HWY_DYNAMIC_DISPATCH(rms_norm_rows);
  pool.parallel_for(x.n_elements() / width, rows_per_piece(width), [&](int64_t begin, int64_t end, int) {
    rows(x.as<float>() + begin * width, weight.as<float>(), eps, out.as<float>() + begin * width, end - begin, width);
  });
}

}  // namespace tidemill

#endif  // HWY_ONCE
