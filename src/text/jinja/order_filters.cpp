// Filters that compare items with each other: sort, dictsort, unique, groupby, min, max.

#include <algorithm>
#include <set>

#include "text/jinja/arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/stable_order.h"

namespace tidemill::jinja {
namespace {

enum class Direction { up, down };

// Items in the order of their keys; equal ones stay as they are, in both directions.
std::vector<Value> sorted(Runtime& runtime, const std::vector<Value>& items, const std::vector<Value>& keys,
                          Direction direction) {
  const std::vector<size_t> order = stable_order(items.size(), [&](size_t a, size_t b) {
    return direction == Direction::up ? less(runtime, keys[a], keys[b]) : less(runtime, keys[b], keys[a]);
  });
  std::vector<Value> result;
  for (const size_t index : order) result.push_back(items[index]);
  return result;
}

Direction direction_of(Runtime& runtime, const Parameters& given, size_t reverse) {
  return given.truth_or(runtime, reverse, false) ? Direction::down : Direction::up;
}

// The paths in "a.b,c".
std::vector<AttributePath> paths_of(Runtime& runtime, const Value* attribute) {
  std::vector<AttributePath> paths;
  if (attribute == nullptr || !attribute->is_string()) {
    paths.emplace_back(runtime, attribute);
    return paths;
  }
  const std::string_view text = attribute->text();
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const Value path = make_string(runtime, std::string(text.substr(begin, end - begin)));
    paths.emplace_back(runtime, &path);
    begin = end + 1;
  }
  return paths;
}

Value sort(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("sort", {"reverse", "case_sensitive", "attribute"}, 0, arguments);
  const bool case_sensitive = given.truth_or(runtime, 1, false);
  const std::vector<AttributePath> paths = paths_of(runtime, given.find(2));
  const std::vector<Value> items = collect(runtime, value);
  std::vector<Value> keys;
  for (const Value& item : items) {
    std::vector<Value> parts;
    for (const AttributePath& path : paths) parts.push_back(path.key_of(runtime, item, case_sensitive));
    keys.push_back(make_list(runtime, std::move(parts)));
  }
  return make_list(runtime, sorted(runtime, items, keys, direction_of(runtime, given, 0)));
}

Value dictsort(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("dictsort", {"case_sensitive", "by", "reverse"}, 0, arguments);
  const std::string_view by = given.find(1) ? given.text(1) : "key";
  if (by != "key" && by != "value") fail_value("You can only sort by either \"key\" or \"value\"");
  require_defined(value);
  if (!value.is_dict()) fail_value(std::string("'") + value.type_name() + "' object has no attribute 'items'");
  const bool case_sensitive = given.truth_or(runtime, 0, false);
  std::vector<Value> items, keys;
  for (const auto& [key, content] : value.dict().entries()) {
    items.push_back(make_tuple(runtime, {key, content}));
    const Value& sorted_by = by == "key" ? key : content;
    keys.push_back(case_sensitive ? sorted_by : ignore_case(runtime, sorted_by));
  }
  return make_list(runtime, sorted(runtime, items, keys, direction_of(runtime, given, 2)));
}

Value unique(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("unique", {"case_sensitive", "attribute"}, 0, arguments);
  const bool case_sensitive = given.truth_or(runtime, 0, false);
  std::shared_ptr<Iterator> source;
  const auto seen = std::make_shared<std::set<Value, KeyLess>>();
  const AttributePath path(runtime, given.find(1));
  return make_generator(
      runtime,
      [&runtime, value, case_sensitive, source, seen, path](Value& item) mutable {
        if (source == nullptr) source = iterate(runtime, value);
        while (source->next(item)) {
          const Value key = path.key_of(runtime, item, case_sensitive);
          check_key(runtime, key);
          if (seen->insert(key).second) return true;
        }
        return false;
      },
      value.depth());
}

Value groupby(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("groupby", {"attribute", "default", "case_sensitive"}, 1, arguments);
  const bool case_sensitive = given.truth_or(runtime, 2, false);
  const AttributePath path(runtime, given.find(0));
  const auto key_of = [&](const Value& item) {
    const Value key = path.of(runtime, item, given.find(1));
    return case_sensitive ? key : ignore_case(runtime, key);
  };
  const std::vector<Value> items = collect(runtime, value);
  std::vector<Value> keys;
  std::transform(items.begin(), items.end(), std::back_inserter(keys), key_of);
  const std::vector<Value> ordered = sorted(runtime, items, keys, Direction::up);
  std::vector<Value> groups;
  for (size_t begin = 0; begin < ordered.size();) {
    const Value key = key_of(ordered[begin]);
    size_t end = begin + 1;
    while (end < ordered.size() && equal(runtime, key, key_of(ordered[end]))) ++end;
    const auto at = [&](size_t index) { return ordered.begin() + static_cast<std::ptrdiff_t>(index); };
    std::vector<Value> group = {path.of(runtime, ordered[begin], given.find(1)),
                                make_list(runtime, std::vector<Value>(at(begin), at(end)))};
    groups.push_back(ListRef(std::make_shared<const List>(&runtime, std::move(group), ListKind::group)));
    begin = end;
  }
  return make_list(runtime, std::move(groups));
}

template <Direction direction>
Value extreme(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given(direction == Direction::up ? "min" : "max", {"case_sensitive", "attribute"}, 0, arguments);
  const bool case_sensitive = given.truth_or(runtime, 0, false);
  const AttributePath path(runtime, given.find(1));
  const auto source = iterate(runtime, value);
  Value best;
  if (!source->next(best)) return Value::undefined({{}, {}, "No aggregated item, sequence was empty."});
  Value best_key = path.key_of(runtime, best, case_sensitive);
  for (Value item; source->next(item);) {
    const Value key = path.key_of(runtime, item, case_sensitive);
    if (direction == Direction::up ? !less(runtime, key, best_key) : !less(runtime, best_key, key)) continue;
    best = item;
    best_key = key;
  }
  return best;
}

constexpr Filter kFilters[] = {
    {"dictsort", dictsort},          {"groupby", groupby}, {"max", extreme<Direction::down>},
    {"min", extreme<Direction::up>}, {"sort", sort},       {"unique", unique},
};

}  // namespace

std::span<const Filter> order_filters() {
  return kFilters;
}

}  // namespace tidemill::jinja
