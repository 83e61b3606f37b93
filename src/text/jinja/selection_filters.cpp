// Filters that apply another filter or a test to every item: map, select, reject, selectattr, rejectattr; and attr.

#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/attributes.h"
#include "text/jinja/filters.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"

namespace tidemill::jinja {
namespace {

// The arguments from `begin` on.
Arguments rest_of(const Arguments& arguments, size_t begin) {
  Arguments rest;
  rest.named = arguments.named;
  for (size_t k = begin; k < arguments.positional.size(); ++k) rest.positional.push_back(arguments.positional[k]);
  return rest;
}

std::string name_argument(const Value& value) {
  if (!value.is_string()) fail_value("the name of a filter or test must be a str, not " + value.type_name());
  return std::string(value.text());
}

// Turns an item into what the generator gives; false to leave it out.
using ItemStep = std::function<bool(Value& item)>;
using MakeStep = std::function<ItemStep()>;

// Like the generators of Jinja, it looks at its arguments only when the first item is asked for, and a false value
// has no items whatever its type.
Value transform(Runtime& runtime, const Value& value, MakeStep make_step) {
  std::shared_ptr<Iterator> source;
  ItemStep step;
  return make_generator(
      runtime,
      [&runtime, value, make_step = std::move(make_step), source, step](Value& item) mutable {
        if (source == nullptr) {
          if (!truth(runtime, value)) return false;
          step = make_step();
          source = iterate(runtime, value);
        }
        while (source->next(item)) {
          runtime.spend(1);
          if (step(item)) return true;
        }
        return false;
      },
      value.depth());
}

ItemStep attribute_step(Runtime& runtime, const Arguments& arguments) {
  const Parameters given("map", {"attribute", "default"}, 1, arguments);
  const AttributePath path(runtime, given.find(0));
  const Value otherwise = given.value_or(1, None());
  return [&runtime, path, otherwise](Value& item) {
    item = path.of(runtime, item, &otherwise);
    return true;
  };
}

ItemStep filter_step(Runtime& runtime, const Arguments& arguments) {
  if (arguments.positional.empty()) fail_value("map requires a filter argument");
  const std::string name = name_argument(arguments.positional[0]);
  return [&runtime, name, filter = find_filter(name), rest = rest_of(arguments, 1)](Value& item) {
    item = apply_filter(runtime, filter, name, item, rest);
    return true;
  };
}

Value map(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const auto is_attribute = [](const auto& named) { return named.first == "attribute"; };
  const bool by_attribute =
      arguments.positional.empty() && std::any_of(arguments.named.begin(), arguments.named.end(), is_attribute);
  return transform(runtime, value, [&runtime, arguments, by_attribute] {
    return by_attribute ? attribute_step(runtime, arguments) : filter_step(runtime, arguments);
  });
}

enum class Keep { matching, others };
enum class Look { at_item, at_attribute };

ItemStep test_step(Runtime& runtime, const Arguments& arguments, Keep keep, Look look) {
  const size_t n_before = look == Look::at_attribute ? 1 : 0;
  if (arguments.positional.size() < n_before) fail_value("Missing parameter for attribute name");
  const AttributePath path(runtime, n_before > 0 ? &arguments.positional[0] : nullptr);
  const bool has_test = arguments.positional.size() > n_before;
  const std::string name = has_test ? name_argument(arguments.positional[n_before]) : "";
  return [&runtime, path, has_test, name, test = find_test(name), keep,
          rest = rest_of(arguments, n_before + 1)](Value& item) {
    const Value looked_at = path.of(runtime, item);
    const bool holds = has_test ? apply_test(runtime, test, name, looked_at, rest) : truth(runtime, looked_at);
    return holds == (keep == Keep::matching);
  };
}

template <Keep keep, Look look>
Value select(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return transform(runtime, value, [&runtime, arguments] { return test_step(runtime, arguments, keep, look); });
}

Value attribute(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("attr", {"name"}, 1, arguments);
  const std::string_view name = given.text(0);
  require_defined(value);
  if (auto found = find_attribute(runtime, value, name)) return std::move(*found);
  return Value::undefined({std::string(name), value.type_name(), {}});
}

constexpr Filter kFilters[] = {
    {"attr", attribute},
    {"map", map},
    {"reject", select<Keep::others, Look::at_item>},
    {"rejectattr", select<Keep::others, Look::at_attribute>},
    {"select", select<Keep::matching, Look::at_item>},
    {"selectattr", select<Keep::matching, Look::at_attribute>},
};

}  // namespace

std::span<const Filter> selection_filters() {
  return kFilters;
}

}  // namespace tidemill::jinja
