// value.name and value[key], as Jinja's sandbox looks them up.
#pragma once

#include <string_view>

#include "text/jinja/value.h"

namespace tidemill::jinja {

// value.name: an attribute or method of Python's type, else the item of that name, else undefined.  Throws
// Failure(value) when `value` itself is undefined.
Value get_attribute(Runtime& runtime, const Value& value, std::string_view name);
// The attribute or method alone; nothing when Python's type has none.
std::optional<Value> find_attribute(Runtime& runtime, const Value& value, std::string_view name);

// value[key]: an item, else the attribute of that name, else undefined.
Value get_item(Runtime& runtime, const Value& value, const Value& key);

// value(arguments).
Value call_value(Runtime& runtime, const Value& callee, const Arguments& arguments);

}  // namespace tidemill::jinja
