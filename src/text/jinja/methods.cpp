// Methods of lists, tuples and dicts, and the search for a method by name.

#include "text/jinja/methods.h"

#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"

namespace tidemill::jinja {
namespace {

int64_t clamp_index(int64_t index, int64_t size) {
  return std::clamp<int64_t>(index < 0 ? index + size : index, 0, size);
}

Value index_of(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("index", {"value", "start", "stop"}, 1, arguments);
  const auto& items = self.items();
  const auto size = static_cast<int64_t>(items.size());
  const int64_t stop = clamp_index(given.int_or(2, size), size);
  for (int64_t k = clamp_index(given.int_or(1, 0), size); k < stop; ++k) {
    if (same_or_equal(runtime, items[static_cast<size_t>(k)], given[0])) return k;
  }
  fail_value(to_repr(runtime, given[0]) + " is not in the " + self.type_name());
}

Value count_of(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("count", {"value"}, 1, arguments);
  const auto matches = [&](const Value& item) { return same_or_equal(runtime, item, given[0]); };
  return static_cast<int64_t>(std::count_if(self.items().begin(), self.items().end(), matches));
}

Value copy(Runtime&, const Value& self, const Arguments& arguments) {
  const Parameters given("copy", {}, 0, arguments);
  return self;  // nothing can change it
}

Value get(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("get", {"key", "default"}, 1, arguments);
  check_key(runtime, given[0]);
  const Value* found = self.dict().find(given[0]);
  return found ? *found : given.value_or(1, None());
}

template <ViewOf what>
Value view(Runtime&, const Value& self, const Arguments& arguments) {
  const Parameters given("keys, values, items", {}, 0, arguments);
  return ObjectRef(std::make_shared<DictView>(self.dict_ref(), what));
}

constexpr bool kChanges = true;

constexpr Method kListMethods[] = {
    {"append", nullptr, kChanges},
    {"clear", nullptr, kChanges},
    {"copy", copy},
    {"count", count_of},
    {"extend", nullptr, kChanges},
    {"index", index_of},
    {"insert", nullptr, kChanges},
    {"pop", nullptr, kChanges},
    {"remove", nullptr, kChanges},
    {"reverse", nullptr, kChanges},
    {"sort", nullptr, kChanges},
};
constexpr Method kTupleMethods[] = {{"count", count_of}, {"index", index_of}};
constexpr Method kDictMethods[] = {
    {"clear", nullptr, kChanges},
    {"copy", copy},
    {"fromkeys", nullptr},
    {"get", get},
    {"items", view<ViewOf::items>},
    {"keys", view<ViewOf::keys>},
    {"pop", nullptr, kChanges},
    {"popitem", nullptr, kChanges},
    {"setdefault", nullptr, kChanges},
    {"update", nullptr, kChanges},
    {"values", view<ViewOf::values>},
};

const Method* find_in(std::span<const Method> methods, std::string_view name) {
  const auto found =
      std::lower_bound(methods.begin(), methods.end(), name,
                       [](const Method& method, std::string_view wanted) { return method.name < wanted; });
  return found != methods.end() && found->name == name ? &*found : nullptr;
}

}  // namespace

std::span<const Method> list_methods() {
  return kListMethods;
}
std::span<const Method> tuple_methods() {
  return kTupleMethods;
}
std::span<const Method> dict_methods() {
  return kDictMethods;
}

const Method* find_method(const Value& value, std::string_view name) {
  if (value.is_dict()) return find_in(dict_methods(), name);
  if (value.is_sequence()) return find_in(value.is_list() ? list_methods() : tuple_methods(), name);
  if (!value.is_string()) return nullptr;
  const Method* method = find_in(string_search_methods(), name);
  return method ? method : find_in(string_shape_methods(), name);
}

std::string BoundMethod::repr(Runtime&) const {
  return "<built-in method " + std::string(method_.name) + " of " + self_.type_name() + " object>";
}

Value BoundMethod::call(Runtime& runtime, const Arguments& arguments) {
  if (method_.body == nullptr)
    fail_value("the method '" + std::string(method_.name) + "' of " + self_.type_name() + " is not supported");
  return method_.body(runtime, self_, arguments);
}

}  // namespace tidemill::jinja
