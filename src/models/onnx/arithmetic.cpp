// Operators of two or more values element by element, with NumPy's broadcasting.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "models/onnx/call.h"

namespace tidemill::onnx {
namespace {

// Calls row(out, a, b, n) with places of elements, and steps between them, for each run along the last axis of `dims`.
template <typename Row>
void for_rows(const Dims& dims, const Dims& a_steps, const Dims& b_steps, Row row) {
  const size_t rank = dims.size();
  if (rank == 0) return row(0, 0, 0, 1);
  const int64_t n = dims.back();
  int64_t n_rows = 1;
  for (size_t axis = 0; axis + 1 < rank; ++axis) n_rows *= dims[axis];
  if (n == 0) return;
  Dims index(rank);
  int64_t a = 0, b = 0;
  for (int64_t r = 0; r < n_rows; ++r) {
    row(r * n, a, b, n);
    for (size_t axis = rank - 1; axis-- > 0;) {
      a += a_steps[axis];
      b += b_steps[axis];
      if (++index[axis] < dims[axis]) break;
      a -= a_steps[axis] * dims[axis];
      b -= b_steps[axis] * dims[axis];
      index[axis] = 0;
    }
  }
}

template <typename In, typename Out, typename F>
void combine(const Value& a, const Value& b, Value& out, F f) {
  const Dims a_steps = broadcast_strides(a, out.dims()), b_steps = broadcast_strides(b, out.dims());
  const In* const from_a = a.as<In>();
  const In* const from_b = b.as<In>();
  Out* const to = out.as<Out>();
  const bool moves_a = !a_steps.empty() && a_steps.back() != 0, moves_b = !b_steps.empty() && b_steps.back() != 0;
  for_rows(out.dims(), a_steps, b_steps, [&](int64_t at, int64_t at_a, int64_t at_b, int64_t n) {
    if (moves_a && moves_b) {
      for (int64_t i = 0; i < n; ++i) to[at + i] = f(from_a[at_a + i], from_b[at_b + i]);
    } else if (moves_a) {
      const In other = from_b[at_b];
      for (int64_t i = 0; i < n; ++i) to[at + i] = f(from_a[at_a + i], other);
    } else {
      const In other = from_a[at_a];
      for (int64_t i = 0; i < n; ++i) to[at + i] = f(other, from_b[moves_b ? at_b + i : at_b]);
    }
  });
}

Dims dims_of_two(const Call& call) {
  const Value* const both[] = {&call.in(0), &call.in(1)};
  if (both[0]->kind() != both[1]->kind())
    call.fail(std::string("takes ") + name_of(both[0]->kind()) + " and " + name_of(both[1]->kind()));
  return broadcast_dims(call, both);
}

// One function for floats, one for whole numbers.
template <typename Real, typename Whole>
void arithmetic(Call& call, Real real, Whole whole) {
  Dims dims = dims_of_two(call);
  const Value &a = call.in(0), &b = call.in(1);
  if (a.kind() == Kind::boolean) call.fail("takes numbers");
  Value& out = call.make(a.kind(), std::move(dims));
  if (a.kind() == Kind::real) return combine<float, float>(a, b, out, real);
  combine<int64_t, int64_t>(a, b, out, whole);
}

template <typename F>
void comparison(Call& call, F f) {
  Dims dims = dims_of_two(call);
  const Value &a = call.in(0), &b = call.in(1);
  Value& out = call.make(Kind::boolean, std::move(dims));
  if (a.kind() == Kind::real) return combine<float, bool>(a, b, out, f);
  if (a.kind() == Kind::integer) return combine<int64_t, bool>(a, b, out, f);
  combine<bool, bool>(a, b, out, f);
}

template <typename F>
void logic(Call& call, F f) {
  Dims dims = dims_of_two(call);
  if (call.in(0).kind() != Kind::boolean) call.fail("takes truth values");
  combine<bool, bool>(call.in(0), call.in(1), call.make(Kind::boolean, std::move(dims)), f);
}

// Whole numbers wrap around, as they do in the programs that files come from.
int64_t wrapped(uint64_t value) {
  return static_cast<int64_t>(value);
}
constexpr auto kUnsigned = [](int64_t value) { return static_cast<uint64_t>(value); };

void add(Call& call) {
  arithmetic(
      call, [](float a, float b) { return a + b; },
      [](int64_t a, int64_t b) { return wrapped(kUnsigned(a) + kUnsigned(b)); });
}
void sub(Call& call) {
  arithmetic(
      call, [](float a, float b) { return a - b; },
      [](int64_t a, int64_t b) { return wrapped(kUnsigned(a) - kUnsigned(b)); });
}
void mul(Call& call) {
  arithmetic(
      call, [](float a, float b) { return a * b; },
      [](int64_t a, int64_t b) { return wrapped(kUnsigned(a) * kUnsigned(b)); });
}
void div(Call& call) {
  arithmetic(
      call, [](float a, float b) { return a / b; },
      [&call](int64_t a, int64_t b) {
        if (b == 0) call.fail("divides by zero");
        return b == -1 ? wrapped(-kUnsigned(a)) : a / b;
      });
}
void mod(Call& call) {
  const bool is_c = call.integer_or("fmod", 0) != 0;  // the sign of the first; else that of the second
  arithmetic(
      call, [](float a, float b) { return std::fmod(a, b); },
      [&call, is_c](int64_t a, int64_t b) -> int64_t {
        if (b == 0) call.fail("divides by zero");
        if (b == -1) return 0;
        const int64_t rest = a % b;
        return !is_c && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
      });
}

// The exponent may be of another kind.
void pow(Call& call) {
  const Value &base = call.in(0), &exponent = call.in(1);
  if (base.kind() == Kind::real && exponent.kind() == Kind::integer) {
    Value reals(Kind::real, exponent.dims(), call.budget);
    for (int64_t i = 0; i < exponent.n(); ++i) reals.as<float>()[i] = static_cast<float>(exponent.integers()[i]);
    const Value* const both[] = {&base, &reals};
    Value& out = call.make(Kind::real, broadcast_dims(call, both));
    return combine<float, float>(base, reals, out, [](float a, float b) { return std::pow(a, b); });
  }
  if (exponent.kind() == Kind::real && exponent.n() == 1 && *exponent.reals() == 2.0f && exponent.rank() <= base.rank())
    return combine<float, float>(base, base, call.make(Kind::real, base.dims()), [](float a, float) { return a * a; });
  arithmetic(
      call, [](float a, float b) { return std::pow(a, b); },
      [](int64_t a, int64_t b) {
        const double value = std::pow(static_cast<double>(a), static_cast<double>(b));
        return std::abs(value) < 9e18 ? static_cast<int64_t>(value) : std::numeric_limits<int64_t>::min();
      });
}

template <typename F>
void fold(Call& call, F two) {
  Value so_far = call.in(0);
  for (size_t index = 1; index < call.inputs.size(); ++index) {
    const Value* const pair[] = {&so_far, &call.in(index)};
    Value out(so_far.kind(), broadcast_dims(call, pair), call.budget);
    if (pair[1]->kind() != so_far.kind() || so_far.kind() == Kind::boolean) call.fail("takes numbers of one kind");
    if (so_far.kind() == Kind::real) {
      combine<float, float>(so_far, *pair[1], out, two);
    } else {
      combine<int64_t, int64_t>(so_far, *pair[1], out, two);
    }
    so_far = std::move(out);
  }
  call.give(std::move(so_far));
}
void max(Call& call) {
  fold(call, [](auto a, auto b) { return a > b || a != a ? a : b; });  // NaN stays
}
void min(Call& call) {
  fold(call, [](auto a, auto b) { return a < b || a != a ? a : b; });
}
void sum(Call& call) {
  fold(call, [](auto a, auto b) { return a + b; });
}

template <typename T>
void choose(const Value& condition, const Value& yes, const Value& no, Value& out) {
  const Dims& dims = out.dims();
  const Dims steps = broadcast_strides(condition, dims);
  const Dims yes_steps = broadcast_strides(yes, dims), no_steps = broadcast_strides(no, dims);
  const int64_t step = steps.empty() ? 0 : steps.back(), yes_step = yes_steps.empty() ? 0 : yes_steps.back(),
                no_step = no_steps.empty() ? 0 : no_steps.back();
  // Two passes, each over a pair: first what is chosen where the condition holds, then the rest.
  const auto pass = [&](const Value& from, const Dims& from_steps, int64_t from_step, bool wanted) {
    for_rows(dims, steps, from_steps, [&](int64_t at, int64_t at_condition, int64_t at_from, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        if (condition.booleans()[at_condition + i * step] == wanted)
          out.as<T>()[at + i] = from.as<T>()[at_from + i * from_step];
      }
    });
  };
  pass(yes, yes_steps, yes_step, true);
  pass(no, no_steps, no_step, false);
}

void where(Call& call) {
  const Value &condition = call.in(0, Kind::boolean), &yes = call.in(1), &no = call.in(2);
  if (yes.kind() != no.kind()) call.fail("chooses between values of two kinds");
  const Value* const all[] = {&condition, &yes, &no};
  Value& out = call.make(yes.kind(), broadcast_dims(call, all));
  if (yes.kind() == Kind::real) return choose<float>(condition, yes, no, out);
  if (yes.kind() == Kind::integer) return choose<int64_t>(condition, yes, no, out);
  choose<bool>(condition, yes, no, out);
}

constexpr OperatorRow kRows[] = {
    {"Add", add},
    {"Sub", sub},
    {"Mul", mul},
    {"Div", div},
    {"Mod", mod},
    {"Pow", pow},
    {"Max", max},
    {"Min", min},
    {"Sum", sum},
    {"Where", where},
    {"Equal", [](Call& call) { comparison(call, [](auto a, auto b) { return a == b; }); }},
    {"Less", [](Call& call) { comparison(call, [](auto a, auto b) { return a < b; }); }},
    {"LessOrEqual", [](Call& call) { comparison(call, [](auto a, auto b) { return a <= b; }); }},
    {"Greater", [](Call& call) { comparison(call, [](auto a, auto b) { return a > b; }); }},
    {"GreaterOrEqual", [](Call& call) { comparison(call, [](auto a, auto b) { return a >= b; }); }},
    {"And", [](Call& call) { logic(call, [](bool a, bool b) { return a && b; }); }},
    {"Or", [](Call& call) { logic(call, [](bool a, bool b) { return a || b; }); }},
    {"Xor", [](Call& call) { logic(call, [](bool a, bool b) { return a != b; }); }},
};

}  // namespace

std::span<const OperatorRow> arithmetic_operators() {
  return kRows;
}

}  // namespace tidemill::onnx
