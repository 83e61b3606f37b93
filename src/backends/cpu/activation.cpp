#include "backends/cpu/activation.h"

#include "backends/cpu/grain.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/activation.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;

// x sigmoid(scale x)
HWY_INLINE FloatVec times_sigmoid(FloatVec x, FloatVec minus_scaled) {
  const FloatTag d;
  return hn::Div(x, hn::Add(hn::Set(d, 1.0f), exp_f32(d, minus_scaled)));
}

// 0.5 x (1 + tanh u) = x / (1 + e^-2u) with u = sqrt(2 / pi) (x + 0.044715 x^3): one exp, and no cancellation for
// large negative x.
struct GeluTanh {
  HWY_INLINE FloatVec operator()(FloatVec x) const {
    const FloatTag d;
    const FloatVec linear = hn::Set(d, -1.5957691216f);  // -2 sqrt(2 / pi)
    const FloatVec cubic = hn::Set(d, -1.5957691216f * 0.044715f);
    return times_sigmoid(x, hn::Mul(x, hn::MulAdd(hn::Mul(x, x), cubic, linear)));
  }
};

// x Phi(x) = x - 0.5 x erfc(x / sqrt 2), or for negative x 0.5 x erfc(-x / sqrt 2); erfc by Abramowitz and
// Stegun 7.1.26, error 1.5e-7.
struct Gelu {
  HWY_INLINE FloatVec operator()(FloatVec x) const {
    const FloatTag d;
    const FloatVec one = hn::Set(d, 1.0f);
    const FloatVec z = hn::Mul(hn::Abs(x), hn::Set(d, 0.70710678f));
    const FloatVec t = hn::Div(one, hn::MulAdd(z, hn::Set(d, 0.3275911f), one));
    FloatVec p = hn::Set(d, 1.061405429f);
    p = hn::MulAdd(p, t, hn::Set(d, -1.453152027f));
    p = hn::MulAdd(p, t, hn::Set(d, 1.421413741f));
    p = hn::MulAdd(p, t, hn::Set(d, -0.284496736f));
    p = hn::MulAdd(p, t, hn::Set(d, 0.254829592f));
    const FloatVec erfc = hn::Mul(hn::Mul(p, t), exp_f32(d, hn::Neg(hn::Mul(z, z))));
    // Beyond the range of float32 the tail is nothing; without the mask infinity times zero would be NaN.
    const FloatVec half = hn::IfThenZeroElse(hn::Gt(z, hn::Set(d, 10.0f)), hn::Mul(hn::Mul(hn::Set(d, 0.5f), x), erfc));
    return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), half, hn::Sub(x, half));
  }
};

struct Silu {
  HWY_INLINE FloatVec operator()(FloatVec x) const { return times_sigmoid(x, hn::Neg(x)); }
};

// Max gives the second operand for NaN on some instruction sets: the comparison keeps it everywhere.
struct Relu {
  HWY_INLINE FloatVec operator()(FloatVec x) const { return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(FloatTag())), x); }
};

struct ReluSquared {
  HWY_INLINE FloatVec operator()(FloatVec x) const {
    const FloatVec y = Relu()(x);
    return hn::Mul(y, y);
  }
};

struct Identity {
  HWY_INLINE FloatVec operator()(FloatVec x) const { return x; }
};

HWY_INLINE FloatVec sigmoid(FloatVec x) {
  return times_sigmoid(hn::Set(FloatTag(), 1.0f), hn::Neg(x));
}

struct Sigmoid {
  HWY_INLINE FloatVec operator()(FloatVec x) const { return sigmoid(x); }
};

// Relatively exact around zero too, which tanh_f32 is not.
struct Tanh {
  HWY_INLINE FloatVec operator()(FloatVec x) const { return hn::Tanh(FloatTag(), x); }
};

// max(x, 0) + log(1 + e^-|x|): nothing overflows.
struct Softplus {
  HWY_INLINE FloatVec operator()(FloatVec x) const {
    const FloatTag d;
    return hn::Add(Relu()(x), hn::Log1p(d, exp_f32(d, hn::Neg(hn::Abs(x)))));
  }
};

struct ExpNegExp {
  HWY_INLINE FloatVec operator()(FloatVec x) const {
    const FloatTag d;
    return exp_f32(d, hn::Neg(exp_f32(d, x)));
  }
};

struct ExpNegSigmoid {
  HWY_INLINE FloatVec operator()(FloatVec x) const {
    const FloatTag d;
    return exp_f32(d, hn::Mul(hn::Set(d, -0.60653066f), sigmoid(x)));  // e^-0.5
  }
};

template <class Body>
HWY_INLINE void with_activation(Activation activation, Body&& body) {
  switch (activation) {
    case Activation::identity:
      return body(Identity());
    case Activation::gelu_tanh:
      return body(GeluTanh());
    case Activation::gelu:
      return body(Gelu());
    case Activation::silu:
      return body(Silu());
    case Activation::relu:
      return body(Relu());
    case Activation::relu_squared:
      return body(ReluSquared());
    case Activation::sigmoid:
      return body(Sigmoid());
    case Activation::tanh:
      return body(Tanh());
    case Activation::softplus:
      return body(Softplus());
    case Activation::exp_neg_exp:
      return body(ExpNegExp());
    case Activation::exp_neg_sigmoid:
      return body(ExpNegSigmoid());
    case Activation::clamped_swiglu:
      return;  // a function of two numbers: clamped_swiglu_piece
  }
}

void activate_piece(Activation activation, const float* x, float* out, int64_t n) {
  with_activation(activation, [&](auto function) HWY_ATTR {
    for_each_vector(FloatTag(), static_cast<size_t>(n),
                    [&](auto load, auto store) HWY_ATTR { store(function(load(x)), out); });
  });
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
