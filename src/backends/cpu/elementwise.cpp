#include "backends/cpu/elementwise.h"

#include "backends/cpu/grain.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/elementwise.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

void add_piece(const float* a, const float* b, float* out, int64_t n) {
  for_each_vector(hn::ScalableTag<float>(), static_cast<size_t>(n),
                  [&](auto load, auto store) HWY_ATTR { store(hn::Add(load(a), load(b)), out); });
}

// 0.5 g (1 + tanh u) = g / (1 + e^-2u) with u = sqrt(2 / pi) (g + 0.044715 g^3): one exp, and no cancellation for
// large negative g.
void gelu_mul_piece(const float* gate, const float* up, float* out, int64_t n) {
  const hn::ScalableTag<float> d;
  const auto one = hn::Set(d, 1.0f);
  const auto linear = hn::Set(d, -1.5957691216f);  // -2 sqrt(2 / pi)
  const auto cubic = hn::Set(d, -1.5957691216f * 0.044715f);
  for_each_vector(d, static_cast<size_t>(n), [&](auto load, auto store) HWY_ATTR {
    const auto g = load(gate);
    const auto minus_2u = hn::Mul(g, hn::MulAdd(hn::Mul(g, g), cubic, linear));
    store(hn::Mul(hn::Div(g, hn::Add(one, exp_f32(d, minus_2u))), load(up)), out);
  });
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(add_piece);
HWY_EXPORT(gelu_mul_piece);

void add(ThreadPool& pool, const Tensor& a, const Tensor& b, const Tensor& out) {
  const auto piece = &HWY_DYNAMIC_DISPATCH(add_piece);
  pool.parallel_for(a.n_elements(), kElementsPerPiece, [&](int64_t begin, int64_t end, int) {
    piece(a.as<float>() + begin, b.as<float>() + begin, out.as<float>() + begin, end - begin);
  });
}

void gelu_mul(ThreadPool& pool, const Tensor& gate, const Tensor& up, const Tensor& out) {
  const auto piece = &HWY_DYNAMIC_DISPATCH(gelu_mul_piece);
  pool.parallel_for(gate.n_elements(), kElementsPerPiece, [&](int64_t begin, int64_t end, int) {
    piece(gate.as<float>() + begin, up.as<float>() + begin, out.as<float>() + begin, end - begin);
  });
}

}  // namespace tidemill

#endif  // HWY_ONCE
