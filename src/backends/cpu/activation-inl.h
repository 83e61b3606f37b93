// Activation functions, a vector at a time.
//
// Included once per Highway target (foreach_target.h).
#if defined(TIDEMILL_BACKENDS_CPU_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_BACKENDS_CPU_ACTIVATION_INL_H_
#undef TIDEMILL_BACKENDS_CPU_ACTIVATION_INL_H_
#else
#define TIDEMILL_BACKENDS_CPU_ACTIVATION_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "backends/cpu/math-inl.h"
#include "ops/operations.h"

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

// x Phi(x) = 0.5 x (1 + erf(x / sqrt 2)).  erf(x / sqrt 2) is x P(x^2) / Q(x^2), a minimax fit for |x| < 5.2, within
// 2e-8 of it; beyond, where erf is 1 within 2e-7, the quotient at the end times x reaches 1 and is cut there.
struct Gelu {
  HWY_INLINE FloatVec operator()(FloatVec x) const {
    const FloatTag d;
    const FloatVec one = hn::Set(d, 1.0f), minus_one = hn::Set(d, -1.0f);
    const FloatVec u = hn::Min(hn::Mul(x, x), hn::Set(d, 5.2f * 5.2f));
    FloatVec p = hn::Set(d, 0x1.16d31cp-32f);
    p = hn::MulAdd(p, u, hn::Set(d, -0x1.88feaap-25f));
    p = hn::MulAdd(p, u, hn::Set(d, 0x1.8c5f7ap-18f));
    p = hn::MulAdd(p, u, hn::Set(d, 0x1.212476p-12f));
    p = hn::MulAdd(p, u, hn::Set(d, 0x1.19ac1ep-7f));
    p = hn::MulAdd(p, u, hn::Set(d, 0x1.0b6d44p-4f));
    p = hn::MulAdd(p, u, hn::Set(d, 0x1.98844ep-1f));
    FloatVec q = hn::Set(d, 0x1.b4eea4p-15f);
    q = hn::MulAdd(q, u, hn::Set(d, 0x1.adbc78p-10f));
    q = hn::MulAdd(q, u, hn::Set(d, 0x1.bd80b4p-6f));
    q = hn::MulAdd(q, u, hn::Set(d, 0x1.fcea7cp-3f));
    q = hn::MulAdd(q, u, one);
    const FloatVec erf = hn::Max(minus_one, hn::Min(one, hn::Div(hn::Mul(x, p), q)));
    const FloatVec half = hn::Mul(x, hn::Set(d, 0.5f));
    // Minus infinity times zero would be NaN; here the result is zero in any case.
    return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -10.0f)), hn::MulAdd(half, erf, half));
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

// out = activation(x), n numbers.
HWY_INLINE void activate_values(Activation activation, const float* x, float* out, int64_t n) {
  with_activation(activation, [&](auto function) HWY_ATTR {
    for_each_vector(FloatTag(), static_cast<size_t>(n),
                    [&](auto load, auto store) HWY_ATTR { store(function(load(x)), out); });
  });
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
