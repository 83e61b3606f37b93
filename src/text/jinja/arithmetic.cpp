// + - * / // % ** with Python's meaning for every type.

#include <algorithm>
#include <cmath>
#include <limits>

#include "text/jinja/operators.h"
#include "text/jinja/printf_format.h"

namespace tidemill::jinja {
namespace {

constexpr const char* kSymbols[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};

[[noreturn]] void fail_types(Arithmetic operation, const Value& a, const Value& b) {
  require_defined(a);
  require_defined(b);
  if (operation == Arithmetic::add && (a.is_string() || a.is_sequence()))
    fail_value("can only concatenate " + a.type_name() + " (not \"" + b.type_name() + "\") to " + a.type_name());
  fail_value(std::string("unsupported operand type(s) for ") + kSymbols[static_cast<int>(operation)] + ": '" +
             a.type_name() + "' and '" + b.type_name() + "'");
}

[[noreturn]] void fail_overflow() {
  fail_value("a whole number does not fit in 64 bits");
}

int64_t floor_divide(int64_t a, int64_t b) {
  if (b == 0) fail_value("integer division or modulo by zero");
  if (a == std::numeric_limits<int64_t>::min() && b == -1) fail_overflow();
  return a / b - ((a % b != 0) && ((a < 0) != (b < 0)) ? 1 : 0);
}

int64_t modulo(int64_t a, int64_t b) {
  if (b == 0) fail_value("integer modulo by zero");
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && ((rest < 0) != (b < 0)) ? rest + b : rest;
}

double modulo(double a, double b) {
  if (b == 0) fail_value("float modulo");
  const double rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(0.0, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

double floor_divide(double a, double b) {
  if (b == 0) fail_value("float floor division by zero");
  const double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (rest < 0) != (b < 0)) quotient -= 1;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

Value power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) fail_value("0.0 cannot be raised to a negative power");
    return std::pow(static_cast<double>(base), static_cast<double>(exponent));
  }
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) fail_overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) fail_overflow();
  }
  return result;
}

double power(double base, double exponent) {
  if (base == 0 && exponent < 0) fail_value("0.0 cannot be raised to a negative power");
  const double result = std::pow(base, exponent);
  if (std::isnan(result) && !std::isnan(base) && !std::isnan(exponent))
    fail_value("a negative number to a broken power is complex");
  if (std::isinf(result) && std::isfinite(base) && std::isfinite(exponent)) fail_value("numerical result out of range");
  return result;
}

Value on_integers(Arithmetic operation, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (operation) {
    case Arithmetic::add:
      if (__builtin_add_overflow(a, b, &result)) fail_overflow();
      return result;
    case Arithmetic::subtract:
      if (__builtin_sub_overflow(a, b, &result)) fail_overflow();
      return result;
    case Arithmetic::multiply:
      if (__builtin_mul_overflow(a, b, &result)) fail_overflow();
      return result;
    case Arithmetic::divide:
      if (b == 0) fail_value("division by zero");
      return static_cast<double>(a) / static_cast<double>(b);
    case Arithmetic::floor_divide:
      return floor_divide(a, b);
    case Arithmetic::modulo:
      return modulo(a, b);
    case Arithmetic::power:
      return power(a, b);
  }
  return {};
}

Value on_floats(Arithmetic operation, double a, double b) {
  switch (operation) {
    case Arithmetic::add:
      return a + b;
    case Arithmetic::subtract:
      return a - b;
    case Arithmetic::multiply:
      return a * b;
    case Arithmetic::divide:
      if (b == 0) fail_value("float division by zero");
      return a / b;
    case Arithmetic::floor_divide:
      return floor_divide(a, b);
    case Arithmetic::modulo:
      return modulo(a, b);
    case Arithmetic::power:
      return power(a, b);
  }
  return {};
}

Value concatenate(Runtime& runtime, const Value& a, const Value& b) {
  Text text(runtime);
  const bool markup = a.is_markup() || b.is_markup();
  text.expect(a.text().size() + b.text().size());
  for (const Value* part : {&a, &b}) {
    if (markup)
      text.append(escape_html(runtime, *part));
    else
      text.append(part->text());
  }
  return make_string(runtime, text, markup);
}

Value concatenate_lists(Runtime& runtime, const Value& a, const Value& b) {
  const Charge charge(&runtime, (a.items().size() + b.items().size()) * sizeof(Value));
  std::vector<Value> items = a.items();
  items.insert(items.end(), b.items().begin(), b.items().end());
  return a.is_list() ? make_list(runtime, std::move(items)) : make_tuple(runtime, std::move(items));
}

Value repeat(Runtime& runtime, const Value& sequence, int64_t count) {
  const auto n_times = static_cast<size_t>(std::max<int64_t>(count, 0));
  if (sequence.is_string()) {
    const std::string_view text = sequence.text();
    if (!text.empty() && n_times > kMaxTextBytes / text.size()) Runtime::check_text_size(kMaxTextBytes + 1);
    Text out(runtime);
    for (size_t k = 0; k < n_times && !text.empty(); ++k) out.append(text);
    return make_string(runtime, out, sequence.is_markup());
  }
  const auto& items = sequence.items();
  if (!items.empty() && n_times > kMaxLiveBytes / sizeof(Value) / items.size()) runtime.take(kMaxLiveBytes + 1);
  const Charge charge(&runtime, items.size() * n_times * sizeof(Value));
  std::vector<Value> out;
  out.reserve(items.size() * n_times);
  for (size_t k = 0; k < n_times && !items.empty(); ++k) out.insert(out.end(), items.begin(), items.end());
  return sequence.is_list() ? make_list(runtime, std::move(out)) : make_tuple(runtime, std::move(out));
}

bool is_repeatable(const Value& value) {
  return value.is_string() || value.is_sequence();
}

}  // namespace

Value arithmetic(Runtime& runtime, Arithmetic operation, const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return on_integers(operation, a.as_int(), b.as_int());
  if (a.is_number() && b.is_number()) return on_floats(operation, a.as_float(), b.as_float());
  if (operation == Arithmetic::add) {
    if (a.is_string() && b.is_string()) return concatenate(runtime, a, b);
    if (a.is_sequence() && b.is_sequence() && a.is_list() == b.is_list()) return concatenate_lists(runtime, a, b);
  }
  if (operation == Arithmetic::multiply) {
    if (is_repeatable(a) && b.is_integral()) return repeat(runtime, a, b.as_int());
    if (is_repeatable(b) && a.is_integral()) return repeat(runtime, b, a.as_int());
  }
  if (operation == Arithmetic::modulo && a.is_string()) return printf_format(runtime, a, b);
  fail_types(operation, a, b);
}

Value negate(const Value& value) {
  require_defined(value);
  if (value.is_float()) return -value.as_float();
  if (!value.is_integral()) fail_value("bad operand type for unary -: '" + value.type_name() + "'");
  return on_integers(Arithmetic::subtract, 0, value.as_int());
}

Value plus(const Value& value) {
  require_defined(value);
  if (value.is_float()) return value;
  if (!value.is_integral()) fail_value("bad operand type for unary +: '" + value.type_name() + "'");
  return value.as_int();
}

}  // namespace tidemill::jinja
