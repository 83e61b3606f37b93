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

// A part of a row that is normalised on its own: `group` of its weights goes with it.
struct Part {
  const float* x;
  float* out;
  int64_t group;
};

// Calls `body(part)` for parts [begin, end) of all rows.
template <class Body>
HWY_INLINE void for_each_part(const Tensor& x, const Tensor& out, int64_t n_groups, int64_t begin, int64_t end,
                              const Body& body) {
  const int64_t width = x.shape().last() / n_groups;
  for (int64_t i = begin; i < end; ++i) {
    body(Part{x.as<float>() + i * width, out.as<float>() + i * width, n_groups == 1 ? 0 : i % n_groups});
  }
}

void rms_norm_parts(const op::RmsNorm& o, int64_t begin, int64_t end) {
  const hn::ScalableTag<float> d;
  const auto n = static_cast<size_t>(o.x.shape().last() / o.n_groups);
  const auto square = [](auto v, auto sum) HWY_ATTR { return hn::MulAdd(v, v, sum); };
  for_each_part(o.x, o.out, o.n_groups, begin, end, [&](const Part& part) HWY_ATTR {
    const float* const weight = o.weight.as<float>() + part.group * static_cast<int64_t>(n);
    const float mean = sum_terms(part.x, n, square) / static_cast<float>(n);
    const auto scale = hn::Set(d, 1.0f / std::sqrt(mean + o.eps));
    for_each_vector(d, n, [&](auto load, auto store) HWY_ATTR {
      store(hn::Mul(hn::Mul(load(part.x), scale), load(weight)), part.out);
    });
  });
}

void layer_norm_parts(const op::LayerNorm& o, int64_t begin, int64_t end) {
  const hn::ScalableTag<float> d;
  const auto n = static_cast<size_t>(o.x.shape().last() / o.n_groups);
  for_each_part(o.x, o.out, o.n_groups, begin, end, [&](const Part& part) HWY_ATTR {
    const int64_t first = part.group * static_cast<int64_t>(n);
    const float* const weight = o.weight.as<float>() + first;
    const float* const bias = o.bias.empty() ? nullptr : o.bias.as<float>() + first;
    const float total = sum_terms(part.x, n, [](auto v, auto sum) HWY_ATTR { return hn::Add(sum, v); });
    const auto mean = hn::Set(d, total / static_cast<float>(n));
    const float squares = sum_terms(part.x, n, [mean](auto v, auto sum) HWY_ATTR {
      const auto centred = hn::Sub(v, mean);
      return hn::MulAdd(centred, centred, sum);
    });
    const auto scale = hn::Set(d, 1.0f / std::sqrt(squares / static_cast<float>(n) + o.eps));
    for_each_vector(d, n, [&](auto load, auto store) HWY_ATTR {
      const auto normal = hn::Mul(hn::Mul(hn::Sub(load(part.x), mean), scale), load(weight));
      store(bias == nullptr ? normal : hn::Add(normal, load(bias)), part.out);
    });
  });
}

void l2_norm_parts(const op::L2Norm& o, int64_t begin, int64_t end) {
  const hn::ScalableTag<float> d;
  const auto n = static_cast<size_t>(o.x.shape().last() / o.n_groups);
  const auto square = [](auto v, auto sum) HWY_ATTR { return hn::MulAdd(v, v, sum); };
  for_each_part(o.x, o.out, o.n_groups, begin, end, [&](const Part& part) HWY_ATTR {
    const float* y = part.x;
    if (!o.weight.empty()) {
      const float* const weight = o.weight.as<float>() + part.group * static_cast<int64_t>(n);
      for_each_vector(d, n,
                      [&](auto load, auto store) HWY_ATTR { store(hn::Mul(load(part.x), load(weight)), part.out); });
      y = part.out;
    }
    const auto scale = hn::Set(d, 1.0f / std::sqrt(sum_terms(y, n, square) + o.eps));
    for_each_vector(d, n, [&](auto load, auto store) HWY_ATTR { store(hn::Mul(load(y), scale), part.out); });
  });
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(rms_norm_parts);
HWY_EXPORT(layer_norm_parts);
HWY_EXPORT(l2_norm_parts);

namespace {

template <class Op>
void normalise(ThreadPool& pool, const Op& operation, void (*parts)(const Op&, int64_t, int64_t)) {
  if (operation.x.n_elements() == 0) return;
  const int64_t width = operation.x.shape().last() / operation.n_groups;
  pool.parallel_for(operation.x.n_elements() / width, rows_per_piece(width),
                    [&](int64_t begin, int64_t end, int) { parts(operation, begin, end); });
}

}  // namespace

void compute(ThreadPool& pool, const op::RmsNorm& operation) {
  normalise(pool, operation, &HWY_DYNAMIC_DISPATCH(rms_norm_parts));
}

void compute(ThreadPool& pool, const op::LayerNorm& operation) {
  normalise(pool, operation, &HWY_DYNAMIC_DISPATCH(layer_norm_parts));
}

void compute(ThreadPool& pool, const op::L2Norm& operation) {
  normalise(pool, operation, &HWY_DYNAMIC_DISPATCH(l2_norm_parts));
}

}  // namespace tidemill

#endif  // HWY_ONCE
