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

// Sum of term(x[i]) in lanes: four sums side by side, for their latency, that are joined in a fixed order.
// `term(v, sum)` adds to a sum; where it must not touch the lanes past the end it gets them as `padding`.
template <class Term>
HWY_INLINE float sum_terms(const float* x, size_t n, const Term& term) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    sum0 = term(hn::LoadU(d, x + i), sum0);
    sum1 = term(hn::LoadU(d, x + i + lanes), sum1);
    sum2 = term(hn::LoadU(d, x + i + 2 * lanes), sum2);
    sum3 = term(hn::LoadU(d, x + i + 3 * lanes), sum3);
  }
  for (; i + lanes <= n; i += lanes) sum0 = term(hn::LoadU(d, x + i), sum0);
  const float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
  if (i == n) return sum;
  // The last few elements: lanes past the end are masked out after the term, which need not be zero for zero.
  const auto rest = term(load_first(d, x + i, n - i), hn::Zero(d));
  return sum + hn::GetLane(hn::SumOfLanes(d, hn::IfThenElseZero(hn::FirstN(d, n - i), rest)));
}

void rms_norm_rows(const float* x, const float* weight, float eps, float* out, int64_t n_rows, int64_t width) {
  const hn::ScalableTag<float> d;
  const auto n = static_cast<size_t>(width);
  const auto square = [](auto v, auto sum) HWY_ATTR { return hn::MulAdd(v, v, sum); };
  for (int64_t row = 0; row < n_rows; ++row, x += width, out += width) {
    const auto scale = hn::Set(d, 1.0f / std::sqrt(sum_terms(x, n, square) / static_cast<float>(width) + eps));
    for_each_vector(
        d, n, [&](auto load, auto store) HWY_ATTR { store(hn::Mul(hn::Mul(load(x), scale), load(weight)), out); });
  }
}

// `bias` may be null.
void layer_norm_rows(const float* x, const float* weight, const float* bias, float eps, float* out, int64_t n_rows,
                     int64_t width) {
  const hn::ScalableTag<float> d;
  const auto n = static_cast<size_t>(width);
  for (int64_t row = 0; row < n_rows; ++row, x += width, out += width) {
    const float total = sum_terms(x, n, [](auto v, auto sum) HWY_ATTR { return hn::Add(sum, v); });
    const auto mean = hn::Set(d, total / static_cast<float>(width));
    const float squares = sum_terms(x, n, [mean](auto v, auto sum) HWY_ATTR {
      const auto centred = hn::Sub(v, mean);
      return hn::MulAdd(centred, centred, sum);
    });
    const auto scale = hn::Set(d, 1.0f / std::sqrt(squares / static_cast<float>(width) + eps));
    for_each_vector(d, n, [&](auto load, auto store) HWY_ATTR {
      const auto normal = hn::Mul(hn::Mul(hn::Sub(load(x), mean), scale), load(weight));
      store(bias == nullptr ? normal : hn::Add(normal, load(bias)), out);
    });
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(rms_norm_rows);
HWY_EXPORT(layer_norm_rows);

void compute(ThreadPool& pool, const op::RmsNorm& operation) {
  const int64_t width = operation.weight.dim(0);
  if (operation.x.n_elements() == 0) return;
  const auto rows = &HWY_DYNAMIC_DISPATCH(rms_norm_rows);
  const float* const weight = operation.weight.as<float>();
  pool.parallel_for(operation.x.n_elements() / width, rows_per_piece(width), [&](int64_t begin, int64_t end, int) {
    rows(operation.x.as<float>() + begin * width, weight, operation.eps, operation.out.as<float>() + begin * width,
         end - begin, width);
  });
}

void compute(ThreadPool& pool, const op::LayerNorm& operation) {
  const int64_t width = operation.weight.dim(0);
  if (operation.x.n_elements() == 0) return;
  const auto rows = &HWY_DYNAMIC_DISPATCH(layer_norm_rows);
  const float* const weight = operation.weight.as<float>();
  const float* const bias = operation.bias.as<float>();
  pool.parallel_for(operation.x.n_elements() / width, rows_per_piece(width), [&](int64_t begin, int64_t end, int) {
    rows(operation.x.as<float>() + begin * width, weight, bias, operation.eps,
         operation.out.as<float>() + begin * width, end - begin, width);
  });
}

}  // namespace tidemill

#endif  // HWY_ONCE
