// Tests: value is name.

#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/methods.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"

namespace tidemill::jinja {
namespace {

template <bool (Value::*holds)() const>
bool is_kind(Runtime&, const Value& value, const Arguments& arguments) {
  const Parameters given("test", {}, 0, arguments);
  return (value.*holds)();
}

bool is_defined(Runtime&, const Value& value, const Arguments& arguments) {
  const Parameters given("defined", {}, 0, arguments);
  return !value.is_undefined();
}

template <bool wanted>
bool is_exactly(Runtime&, const Value& value, const Arguments& arguments) {
  const Parameters given("true, false", {}, 0, arguments);
  return value.is_bool() && value.as_bool() == wanted;
}

// value % divisor == rest.
bool has_rest(Runtime& runtime, const Value& value, const Value& divisor, int64_t rest) {
  return equal(runtime, arithmetic(runtime, Arithmetic::modulo, value, divisor), rest);
}

template <int rest>
bool is_parity(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("even, odd", {}, 0, arguments);
  return has_rest(runtime, value, 2, rest);
}

bool is_divisible(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("divisibleby", {"num"}, 1, arguments);
  return has_rest(runtime, value, given[0], 0);
}

bool is_sequence(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("sequence", {}, 0, arguments);
  if (value.is_object()) return value.object_as<Range>() != nullptr;
  return length(runtime, value).has_value();
}

bool is_iterable(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("iterable", {}, 0, arguments);
  return try_iterate(runtime, value) != nullptr;
}

bool is_callable(Runtime&, const Value& value, const Arguments& arguments) {
  const Parameters given("callable", {}, 0, arguments);
  return value.is_undefined() || (value.is_object() && value.object().callable());
}

bool is_same(Runtime&, const Value& value, const Arguments& arguments) {
  const Parameters given("sameas", {"other"}, 1, arguments);
  return value.same_as(given[0]);
}

bool is_in(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("in", {"seq"}, 1, arguments);
  return contains(runtime, given[0], value);
}

template <bool upper>
bool has_case(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("lower, upper", {}, 0, arguments);
  const Value text = make_string(runtime, to_text(runtime, value));
  return find_method(text, upper ? "isupper" : "islower")->body(runtime, text, {}).as_bool();
}

bool is_filter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("filter", {}, 0, arguments);
  check_key(runtime, value);
  return value.is_string() && find_filter(value.text()) != nullptr;
}

bool is_test(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("test", {}, 0, arguments);
  check_key(runtime, value);
  return value.is_string() && find_test(value.text()) != nullptr;
}

bool is_equal(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return equal(runtime, value, Parameters("eq", {"other"}, 1, arguments)[0]);
}

bool is_unequal(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return !equal(runtime, value, Parameters("ne", {"other"}, 1, arguments)[0]);
}

bool is_less(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return less(runtime, value, Parameters("lt", {"other"}, 1, arguments)[0]);
}

bool is_less_or_equal(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return less_or_equal(runtime, value, Parameters("le", {"other"}, 1, arguments)[0]);
}

bool is_greater(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return less(runtime, Parameters("gt", {"other"}, 1, arguments)[0], value);
}

bool is_greater_or_equal(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return less_or_equal(runtime, Parameters("ge", {"other"}, 1, arguments)[0], value);
}

constexpr Test kTests[] = {
    {"!=", is_unequal},
    {"<", is_less},
    {"<=", is_less_or_equal},
    {"==", is_equal},
    {">", is_greater},
    {">=", is_greater_or_equal},
    {"boolean", is_kind<&Value::is_bool>},
    {"callable", is_callable},
    {"defined", is_defined},
    {"divisibleby", is_divisible},
    {"eq", is_equal},
    {"equalto", is_equal},
    {"escaped", is_kind<&Value::is_markup>},
    {"even", is_parity<0>},
    {"false", is_exactly<false>},
    {"filter", is_filter},
    {"float", is_kind<&Value::is_float>},
    {"ge", is_greater_or_equal},
    {"greaterthan", is_greater},
    {"gt", is_greater},
    {"in", is_in},
    {"integer", is_kind<&Value::is_int>},
    {"iterable", is_iterable},
    {"le", is_less_or_equal},
    {"lessthan", is_less},
    {"lower", has_case<false>},
    {"lt", is_less},
    {"mapping", is_kind<&Value::is_dict>},
    {"ne", is_unequal},
    {"none", is_kind<&Value::is_none>},
    {"number", is_kind<&Value::is_number>},
    {"odd", is_parity<1>},
    {"sameas", is_same},
    {"sequence", is_sequence},
    {"string", is_kind<&Value::is_string>},
    {"test", is_test},
    {"true", is_exactly<true>},
    {"undefined", is_kind<&Value::is_undefined>},
    {"upper", has_case<true>},
};

}  // namespace

const Test* find_test(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kTests), std::end(kTests), [&](const Test& row) { return row.name == name; });
  return found == std::end(kTests) ? nullptr : found;
}

}  // namespace tidemill::jinja
