// Filters that give numbers, and those that turn any value into something: default, tojson.

#include <algorithm>
#include <cmath>

#include "text/jinja/arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/json_text.h"
#include "text/jinja/numbers.h"
#include "text/jinja/operators.h"

namespace tidemill::jinja {
namespace {

Value absolute(Runtime&, const Value& value, const Arguments& arguments) {
  const Parameters given("abs", {}, 0, arguments);
  if (!value.is_number()) {
    require_defined(value);
    fail_value("bad operand type for abs(): '" + value.type_name() + "'");
  }
  if (value.is_float()) return std::fabs(value.as_float());
  return value.as_int() < 0 ? negate(value) : Value(value.as_int());
}

// float(value); nothing when Python raises TypeError or ValueError.
std::optional<double> as_float(const Value& value) {
  require_defined(value);
  if (value.is_string()) return parse_float(value.text());
  return value.is_number() ? std::optional<double>(value.as_float()) : std::nullopt;
}

Value to_int(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("int", {"default", "base"}, 0, arguments);
  require_defined(value);
  if (value.is_integral()) return value.as_int();
  if (value.is_string()) {
    const int64_t base = given.int_or(1, 10);
    if (base != 0 && (base < 2 || base > 36)) return given.value_or(0, 0);
    runtime.spend_characters(4 * value.text().size());
    if (const auto number = parse_int(value.text(), static_cast<int>(base))) return *number;
  }
  const auto number = as_float(value);
  if (!number || !std::isfinite(*number)) return given.value_or(0, 0);
  return truncate_to_int(*number);
}

Value to_float(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("float", {"default"}, 0, arguments);
  if (value.is_string()) runtime.spend_characters(4 * value.text().size());
  if (const auto number = as_float(value)) return *number;
  return given.value_or(0, 0.0);
}

Value round_number(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("round", {"precision", "method"}, 0, arguments);
  const std::string_view method = given.find(1) ? given.text(1) : "common";
  if (method != "common" && method != "ceil" && method != "floor") fail_value("method must be common, ceil or floor");
  if (!value.is_number()) {
    require_defined(value);
    fail_value("type " + value.type_name() + " doesn't define __round__ method");
  }
  const int64_t digits = given.int_or(0, 0);
  if (method == "common") {
    if (value.is_float()) return round_to_digits(value.as_float(), digits);
    return round_to_digits(value.as_int(), digits);
  }
  const Value unit = arithmetic(runtime, Arithmetic::power, 10, digits);
  const double scaled = arithmetic(runtime, Arithmetic::multiply, value, unit).as_float();
  const int64_t whole = truncate_to_int(method == "ceil" ? std::ceil(scaled) : std::floor(scaled));
  return arithmetic(runtime, Arithmetic::divide, whole, unit);
}

Value default_value(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("default", {"default_value", "boolean"}, 0, arguments);
  const bool replaced = value.is_undefined() || (given.truth_or(runtime, 1, false) && !truth(runtime, value));
  return replaced ? given.value_or(0, constant_string("")) : value;
}

std::string separator(const Value& pair, size_t index) {
  if (!pair.is_sequence() || pair.items().size() != 2 || !pair.items()[index].is_string())
    fail_value("separators must be two texts");
  return std::string(pair.items()[index].text());
}

Value to_json(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("tojson", {"ensure_ascii", "indent", "separators", "sort_keys"}, 0, arguments);
  JsonStyle style;
  style.ensure_ascii = given.truth_or(runtime, 0, false);
  if (given.find(1) && !given[1].is_none()) {
    const int64_t width = given[1].is_string() ? 0 : given.int_or(1, 0);
    if (width > static_cast<int64_t>(kMaxTextBytes)) Runtime::check_text_size(kMaxTextBytes + 1);
    style.indent = given[1].is_string() ? std::string(given[1].text())
                                        : std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
    style.item_separator.assign(1, ',');
  }
  if (given.find(2) && !given[2].is_none()) {
    style.item_separator = separator(given[2], 0);
    style.key_separator = separator(given[2], 1);
  }
  style.sort_keys = given.truth_or(runtime, 3, false);
  Text out(runtime);
  append_json(out, runtime, value, style);
  return make_string(runtime, out);
}

constexpr Filter kFilters[] = {
    {"abs", absolute}, {"d", default_value}, {"default", default_value}, {"float", to_float},
    {"int", to_int},   {"random", nullptr},  {"round", round_number},    {"tojson", to_json},
};

}  // namespace

std::span<const Filter> number_filters() {
  return kFilters;
}

}  // namespace tidemill::jinja
