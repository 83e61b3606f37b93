// Filters over lists and other things with items.

#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"

namespace tidemill::jinja {
namespace {

Value length_of(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("length", {}, 0, arguments);
  return require_length(runtime, value);
}

Value to_list(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("list", {}, 0, arguments);
  return make_list(runtime, collect(runtime, value));
}

Value first(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("first", {}, 0, arguments);
  Value item;
  if (iterate(runtime, value)->next(item)) return item;
  return Value::undefined({{}, {}, "No first item, sequence was empty."});
}

bool is_reversible(const Value& value) {
  return value.is_undefined() || value.is_string() || value.is_sequence() || value.is_dict() ||
         value.object_as<Range>() != nullptr || value.object_as<DictView>() != nullptr;
}

Value last(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("last", {}, 0, arguments);
  if (!is_reversible(value)) fail_value(std::string("'") + value.type_name() + "' object is not reversible");
  if (value.is_sequence() && !value.items().empty()) return value.items().back();
  const std::vector<Value> items = collect(runtime, value);
  return items.empty() ? Value::undefined({{}, {}, "No last item, sequence was empty."}) : items.back();
}

// The items of a list one by one, made when the first is asked for.
Value lazily(Runtime& runtime, int depth, std::function<std::vector<Value>()> make_items) {
  return make_generator(
      runtime,
      [make_items = std::move(make_items), items = std::vector<Value>(), index = size_t{0},
       made = false](Value& item) mutable {
        if (!made) items = make_items();
        made = true;
        if (index == items.size()) return false;
        item = items[index++];
        return true;
      },
      depth);
}

Value reverse(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("reverse", {}, 0, arguments);
  if (value.is_string()) return slice(runtime, value, None(), None(), -1);
  if (try_iterate(runtime, value) == nullptr) fail_value("argument must be iterable");
  const auto reversed = [&runtime, value] {
    std::vector<Value> items = collect(runtime, value);
    std::reverse(items.begin(), items.end());
    return items;
  };
  if (!is_reversible(value)) return make_list(runtime, reversed());
  return lazily(runtime, value.depth(), reversed);
}

Value join(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("join", {"d", "attribute"}, 0, arguments);
  const std::string separator = given.find(0) ? to_text(runtime, given[0]) : "";
  const AttributePath path(runtime, given.find(1));
  const auto items = iterate(runtime, value);
  Text out(runtime);
  bool is_first = true;
  for (Value item; items->next(item); is_first = false) {
    runtime.spend(1);
    if (!is_first) out += separator;
    append_text(out, runtime, path.of(runtime, item));
  }
  return make_string(runtime, out);
}

Value items(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("items", {}, 0, arguments);
  return lazily(runtime, value.depth() + 1, [&runtime, value] {
    if (value.is_undefined()) return std::vector<Value>();
    if (!value.is_dict()) fail_value("Can only get item pairs from a mapping.");
    return collect(runtime, ObjectRef(std::make_shared<DictView>(value.dict_ref(), ViewOf::items)));
  });
}

Value sum(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("sum", {"attribute", "start"}, 0, arguments);
  const AttributePath path(runtime, given.find(0));
  Value total = given.value_or(1, 0);
  if (total.is_string()) fail_value("sum() can't sum strings [use ''.join(seq) instead]");
  const auto source = iterate(runtime, value);
  for (Value item; source->next(item);) {
    runtime.spend(1);
    total = arithmetic(runtime, Arithmetic::add, total, path.of(runtime, item));
  }
  return total;
}

Value batch(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("batch", {"linecount", "fill_with"}, 1, arguments);
  const int64_t size = given.int_or(0, 1);
  const Value fill = given.value_or(1, None());
  return lazily(runtime, value.depth() + 1, [&runtime, value, size, fill] {
    std::vector<Value> rows, row;
    for (const Value& item : collect(runtime, value)) {
      if (static_cast<int64_t>(row.size()) == size) rows.push_back(make_list(runtime, std::exchange(row, {})));
      row.push_back(item);
    }
    if (row.empty()) return rows;
    if (!fill.is_none() && static_cast<int64_t>(row.size()) < size) {
      const Value padding = make_list(runtime, {fill});
      const Value last = make_list(runtime, std::move(row));
      const auto n_missing = size - static_cast<int64_t>(last.items().size());
      rows.push_back(
          arithmetic(runtime, Arithmetic::add, last, arithmetic(runtime, Arithmetic::multiply, padding, n_missing)));
    } else {
      rows.push_back(make_list(runtime, std::move(row)));
    }
    return rows;
  });
}

Value slices(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("slice", {"slices", "fill_with"}, 1, arguments);
  const int64_t n_slices = given.int_or(0, 1);
  const Value fill = given.value_or(1, None());
  return lazily(runtime, value.depth() + 1, [&runtime, value, n_slices, fill] {
    const std::vector<Value> all = collect(runtime, value);
    if (n_slices == 0) fail_value("integer division or modulo by zero");
    const auto size = static_cast<int64_t>(all.size());
    std::vector<Value> rows;
    for (int64_t k = 0, begin = 0; k < n_slices; ++k) {
      const bool has_extra = k < size % n_slices;
      const int64_t end = begin + size / n_slices + (has_extra ? 1 : 0);
      std::vector<Value> row(all.begin() + begin, all.begin() + end);
      if (!fill.is_none() && !has_extra) row.push_back(fill);
      rows.push_back(make_list(runtime, std::move(row)));
      begin = end;
    }
    return rows;
  });
}

constexpr Filter kFilters[] = {
    {"batch", batch},     {"count", length_of}, {"first", first},      {"items", items},
    {"join", join},       {"last", last},       {"length", length_of}, {"list", to_list},
    {"reverse", reverse}, {"slice", slices},    {"sum", sum},
};

}  // namespace

std::span<const Filter> sequence_filters() {
  return kFilters;
}

}  // namespace tidemill::jinja
