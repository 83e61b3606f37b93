#include "text/jinja/filters.h"

#include <algorithm>

#include "text/jinja/attributes.h"
#include "text/jinja/numbers.h"
#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

namespace tidemill::jinja {
namespace {

std::vector<Value> path_parts(Runtime& runtime, std::string_view path) {
  std::vector<Value> parts;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    const bool is_index = !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    parts.push_back(is_index ? Value(parse_int(part).value_or(0)) : make_string(runtime, std::string(part)));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

const Filter* find_filter(std::string_view name) {
  for (const auto group :
       {text_filters(), number_filters(), sequence_filters(), order_filters(), selection_filters()}) {
    const auto found = std::find_if(group.begin(), group.end(), [&](const Filter& row) { return row.name == name; });
    if (found != group.end()) return &*found;
  }
  return nullptr;
}

Value apply_filter(Runtime& runtime, const Filter* filter, std::string_view name, const Value& value,
                   const Arguments& arguments) {
  runtime.step();
  if (filter == nullptr) fail_value("there is no filter named '" + std::string(name) + "'");
  if (filter->body == nullptr) fail_value("the filter '" + std::string(name) + "' is not supported");
  return filter->body(runtime, value, arguments);
}

bool apply_test(Runtime& runtime, const Test* test, std::string_view name, const Value& value,
                const Arguments& arguments) {
  runtime.step();
  if (test == nullptr) fail_value("there is no test named '" + std::string(name) + "'");
  return test->body(runtime, value, arguments);
}

AttributePath::AttributePath(Runtime& runtime, const Value* path) {
  if (path == nullptr || path->is_none()) return;
  if (path->is_string())
    parts_ = path_parts(runtime, path->text());
  else
    parts_ = {*path};
}

Value AttributePath::of(Runtime& runtime, const Value& item, const Value* otherwise) const {
  Value value = item;
  for (const Value& part : parts_) {
    value = get_item(runtime, value, part);
    if (otherwise != nullptr && !otherwise->is_none() && value.is_undefined()) value = *otherwise;
  }
  return value;
}

Value AttributePath::key_of(Runtime& runtime, const Value& item, bool case_sensitive) const {
  const Value value = of(runtime, item);
  return case_sensitive ? value : ignore_case(runtime, value);
}

Value ignore_case(Runtime& runtime, const Value& value) {
  if (!value.is_string()) return value;
  runtime.spend_characters(value.text().size());
  return make_string(runtime, to_lower(value.text()), value.is_markup());
}

Value soft_text(Runtime& runtime, const Value& value) {
  return value.is_string() ? value : make_string(runtime, to_text(runtime, value));
}

}  // namespace tidemill::jinja
