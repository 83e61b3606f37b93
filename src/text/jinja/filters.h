// Filters (value | name) and tests (value is name) of Jinja, as transformers' environment offers them.
#pragma once

#include <span>
#include <string_view>

#include "text/jinja/value.h"

namespace tidemill::jinja {

using FilterBody = Value (*)(Runtime& runtime, const Value& value, const Arguments& arguments);
using TestBody = bool (*)(Runtime& runtime, const Value& value, const Arguments& arguments);

struct Filter {
  std::string_view name;
  FilterBody body;  // nullptr: Jinja has it, but it is not offered here
};

struct Test {
  std::string_view name;
  TestBody body;
};

// Groups of filters, each in a file of its own.
std::span<const Filter> text_filters();
std::span<const Filter> number_filters();
std::span<const Filter> sequence_filters();
std::span<const Filter> order_filters();
std::span<const Filter> selection_filters();

// nullptr when there is none of that name.
const Filter* find_filter(std::string_view name);
const Test* find_test(std::string_view name);

// Throw Failure(value) for a nullptr, naming what was asked for.
Value apply_filter(Runtime& runtime, const Filter* filter, std::string_view name, const Value& value,
                   const Arguments& arguments);
bool apply_test(Runtime& runtime, const Test* test, std::string_view name, const Value& value,
                const Arguments& arguments);

// What an `attribute` argument names in an item: "a.b.0" is item.a.b[0]; nullptr and None name the item itself.
class AttributePath {
 public:
  AttributePath(Runtime& runtime, const Value* path);
  // `otherwise`, when given, replaces what is undefined on the way.
  Value of(Runtime& runtime, const Value& item, const Value* otherwise = nullptr) const;
  // The lower-case text of what is a text, unless `case_sensitive`.
  Value key_of(Runtime& runtime, const Value& item, bool case_sensitive) const;

 private:
  std::vector<Value> parts_;
};

// A text in lower case; anything else as it is.
Value ignore_case(Runtime& runtime, const Value& value);
// Jinja's soft_str: the value as a text that stays marked as safe if it was.
Value soft_text(Runtime& runtime, const Value& value);

}  // namespace tidemill::jinja
