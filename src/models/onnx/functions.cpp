// Operators of one value, element by element.
#include <algorithm>
#include <cmath>
#include <limits>

#include "models/onnx/call.h"

namespace tidemill::onnx {
namespace {

template <typename F>
void real_function(Call& call, F f) {
  const Value& x = call.in(0, Kind::real);
  Value& out = call.make(Kind::real, x.dims());
  for (int64_t i = 0; i < x.n(); ++i) out.as<float>()[i] = f(x.reals()[i]);
}

// Of floats and of whole numbers.
template <typename F>
void number_function(Call& call, F f) {
  const Value& x = call.in(0);
  if (x.kind() != Kind::integer) return real_function(call, f);
  Value& out = call.make(Kind::integer, x.dims());
  for (int64_t i = 0; i < x.n(); ++i) out.as<int64_t>()[i] = f(x.integers()[i]);
}

template <typename F>
void real_test(Call& call, F f) {
  const Value& x = call.in(0, Kind::real);
  Value& out = call.make(Kind::boolean, x.dims());
  for (int64_t i = 0; i < x.n(); ++i) out.as<bool>()[i] = f(x.reals()[i]);
}

void gelu(Call& call) {
  if (call.get_or<std::string>("approximate", "none") == "tanh")
    return real_function(call, [](float x) {
      const float inner = 0.7978845608028654f * (x + 0.044715f * x * x * x);
      return 0.5f * x * (1.0f + std::tanh(inner));
    });
  real_function(call, [](float x) { return 0.5f * x * (1.0f + std::erf(x * 0.7071067811865476f)); });
}

void clip(Call& call) {
  const Value& x = call.in(0);
  if (x.kind() == Kind::integer) {
    const int64_t least = call.has(1) ? call.integer(1) : std::numeric_limits<int64_t>::min();
    const int64_t most = call.has(2) ? call.integer(2) : std::numeric_limits<int64_t>::max();
    return number_function(call, [=](auto value) {
      return static_cast<decltype(value)>(std::min(std::max(static_cast<int64_t>(value), least), most));
    });
  }
  constexpr float kMost = std::numeric_limits<float>::max();
  const float least = call.has(1) ? call.real(1) : call.get_or<float>("min", -kMost);
  const float most = call.has(2) ? call.real(2) : call.get_or<float>("max", kMost);
  real_function(call, [=](float value) { return std::min(std::max(value, least), most); });
}

// As the hardware's conversion gives it for what no whole number can be.
int64_t whole(float value) {
  return std::abs(value) < 9.2e18f ? static_cast<int64_t>(value) : std::numeric_limits<int64_t>::min();
}

int64_t narrowed(int64_t value, DType dtype) {
  switch (dtype) {
    case DType::i32:
      return static_cast<int32_t>(value);
    case DType::i16:
      return static_cast<int16_t>(value);
    case DType::i8:
      return static_cast<int8_t>(value);
    case DType::u32:
      return static_cast<uint32_t>(value);
    case DType::u16:
      return static_cast<uint16_t>(value);
    case DType::u8:
      return static_cast<uint8_t>(value);
    default:
      return value;
  }
}

// Calls write(i, element) for all elements, whatever they are.
template <typename F>
void for_elements(const Value& x, F write) {
  for (int64_t i = 0; i < x.n(); ++i) {
    if (x.kind() == Kind::real) {
      write(i, x.reals()[i]);
    } else if (x.kind() == Kind::integer) {
      write(i, x.integers()[i]);
    } else {
      write(i, x.booleans()[i]);
    }
  }
}

void cast_to(Call& call, int32_t type) {
  const Value& x = call.in(0);
  const auto dtype = onnx_dtype(type);
  if (!dtype) call.fail("makes values of the type " + onnx_type_name(type) + ", which this build does not have");
  const bool is_real = info(*dtype).is_float;
  const Kind kind = is_real ? Kind::real : *dtype == DType::boolean ? Kind::boolean : Kind::integer;
  if (x.kind() == kind && (kind != Kind::integer || *dtype == DType::i64)) return call.give(x);
  Value& out = call.make(kind, x.dims());
  if (kind == Kind::real) {
    for_elements(x, [&](int64_t i, auto value) { out.as<float>()[i] = static_cast<float>(value); });
  } else if (kind == Kind::boolean) {
    for_elements(x, [&](int64_t i, auto value) { out.as<bool>()[i] = value != 0; });
  } else if (x.kind() == Kind::real) {
    for (int64_t i = 0; i < x.n(); ++i) out.as<int64_t>()[i] = narrowed(whole(x.reals()[i]), *dtype);
  } else {
    for_elements(x,
                 [&](int64_t i, auto value) { out.as<int64_t>()[i] = narrowed(static_cast<int64_t>(value), *dtype); });
  }
}

void cast(Call& call) {
  cast_to(call, static_cast<int32_t>(call.integer_or("to", 0)));
}

// To the type of another value: of which it matters only the kind.
void cast_like(Call& call) {
  const Kind kind = call.in(1).kind();
  cast_to(call, onnx_type_of(kind == Kind::real ? DType::f32 : kind == Kind::integer ? DType::i64 : DType::boolean));
}

void logical_not(Call& call) {
  const Value& x = call.in(0, Kind::boolean);
  Value& out = call.make(Kind::boolean, x.dims());
  for (int64_t i = 0; i < x.n(); ++i) out.as<bool>()[i] = !x.booleans()[i];
}

void leaky_relu(Call& call) {
  const float slope = call.get_or<float>("alpha", 0.01f);
  real_function(call, [slope](float x) { return x < 0 ? slope * x : x; });
}

void elu(Call& call) {
  const float alpha = call.get_or<float>("alpha", 1.0f);
  real_function(call, [alpha](float x) { return x < 0 ? alpha * std::expm1(x) : x; });
}

void hard_sigmoid(Call& call) {
  const float alpha = call.get_or<float>("alpha", 0.2f), beta = call.get_or<float>("beta", 0.5f);
  real_function(call, [=](float x) { return std::min(std::max(alpha * x + beta, 0.0f), 1.0f); });
}

float sigmoid(float x) {
  return 1.0f / (1.0f + std::exp(-x));
}

int64_t magnitude(int64_t x) {
  return x < 0 ? static_cast<int64_t>(-static_cast<uint64_t>(x)) : x;
}
float magnitude(float x) {
  return std::abs(x);
}
int64_t negated(int64_t x) {
  return static_cast<int64_t>(-static_cast<uint64_t>(x));
}
float negated(float x) {
  return -x;
}

constexpr OperatorRow kRows[] = {
    {"Abs", [](Call& call) { number_function(call, [](auto x) { return magnitude(x); }); }},
    {"Neg", [](Call& call) { number_function(call, [](auto x) { return negated(x); }); }},
    {"Sign",
     [](Call& call) { number_function(call, [](auto x) { return static_cast<decltype(x)>((x > 0) - (x < 0)); }); }},
    {"Sqrt", [](Call& call) { real_function(call, [](float x) { return std::sqrt(x); }); }},
    {"Reciprocal", [](Call& call) { real_function(call, [](float x) { return 1.0f / x; }); }},
    {"Exp", [](Call& call) { real_function(call, [](float x) { return std::exp(x); }); }},
    {"Log", [](Call& call) { real_function(call, [](float x) { return std::log(x); }); }},
    {"Ceil", [](Call& call) { real_function(call, [](float x) { return std::ceil(x); }); }},
    {"Floor", [](Call& call) { real_function(call, [](float x) { return std::floor(x); }); }},
    {"Round", [](Call& call) { real_function(call, [](float x) { return std::nearbyint(x); }); }},
    {"Sin", [](Call& call) { real_function(call, [](float x) { return std::sin(x); }); }},
    {"Cos", [](Call& call) { real_function(call, [](float x) { return std::cos(x); }); }},
    {"Erf", [](Call& call) { real_function(call, [](float x) { return std::erf(x); }); }},
    {"Tanh", [](Call& call) { real_function(call, [](float x) { return std::tanh(x); }); }},
    {"Sigmoid", [](Call& call) { real_function(call, [](float x) { return sigmoid(x); }); }},
    {"Relu", [](Call& call) { real_function(call, [](float x) { return x < 0 ? 0.0f : x; }); }},
    {"Softplus",
     [](Call& call) {
       real_function(call, [](float x) { return std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x))); });
     }},
    {"LeakyRelu", leaky_relu},
    {"Elu", elu},
    {"HardSigmoid", hard_sigmoid},
    {"Gelu", gelu},
    {"Clip", clip},
    {"Cast", cast},
    {"CastLike", cast_like},
    {"Not", logical_not},
    {"IsNaN", [](Call& call) { real_test(call, [](float x) { return std::isnan(x); }); }},
    {"IsInf", [](Call& call) { real_test(call, [](float x) { return std::isinf(x); }); }},
};

}  // namespace

std::span<const OperatorRow> function_operators() {
  return kRows;
}

}  // namespace tidemill::onnx
