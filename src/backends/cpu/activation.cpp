#include "backends/cpu/activation.h"

#include "backends/cpu/grain.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/activation.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

void activate_piece(Activation activation, const float* x, float* out, int64_t n) {
  activate_values(activation, x, out, n);
}

static void clamped_swiglu_piece(const float* gate, const float* up, float* out, int64_t n) {
  const FloatTag d;
  const FloatVec limit = hn::Set(d, 7.0f), one = hn::Set(d, 1.0f), slope = hn::Set(d, -1.702f);
  for_each_vector(d, static_cast<size_t>(n), [&](auto load, auto store) HWY_ATTR {
    const FloatVec g = load(gate), u = load(up);
    const FloatVec low = hn::IfThenElse(hn::Gt(g, limit), limit, g);
    const FloatVec within = hn::IfThenElse(hn::Gt(hn::Abs(u), limit), hn::CopySign(limit, u), u);
    store(hn::Mul(times_sigmoid(low, hn::Mul(low, slope)), hn::Add(within, one)), out);
  });
}

void gate_piece(Activation activation, const float* gate, const float* up, float* out, int64_t n) {
  if (activation == Activation::clamped_swiglu) return clamped_swiglu_piece(gate, up, out, n);
  with_activation(activation, [&](auto function) HWY_ATTR {
    for_each_vector(FloatTag(), static_cast<size_t>(n),
                    [&](auto load, auto store) HWY_ATTR { store(hn::Mul(function(load(gate)), load(up)), out); });
  });
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(activate_piece);
HWY_EXPORT(gate_piece);

void activate(Activation activation, const float* x, float* out, int64_t n) {
  HWY_DYNAMIC_DISPATCH(activate_piece)(activation, x, out, n);
}

void compute(ThreadPool& pool, const op::Activate& operation) {
  const auto piece = &HWY_DYNAMIC_DISPATCH(activate_piece);
  const float* const x = operation.x.as<float>();
  pool.parallel_for(operation.x.n_elements(), kElementsPerPiece, [&](int64_t begin, int64_t end, int) {
    piece(operation.activation, x + begin, operation.out.as<float>() + begin, end - begin);
  });
}

void compute(ThreadPool& pool, const op::Gate& operation) {
  const auto piece = &HWY_DYNAMIC_DISPATCH(gate_piece);
  const float* const gate = operation.gate.as<float>();
  const float* const up = operation.up.as<float>();
  pool.parallel_for(operation.gate.n_elements(), kElementsPerPiece, [&](int64_t begin, int64_t end, int) {
    piece(operation.activation, gate + begin, up + begin, operation.out.as<float>() + begin, end - begin);
  });
}

}  // namespace tidemill

#endif  // HWY_ONCE
