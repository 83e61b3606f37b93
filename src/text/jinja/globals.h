// Functions that every template can call: range, dict, namespace, raise_exception, strftime_now, ...
#pragma once

#include <string_view>

#include "text/jinja/value.h"

namespace tidemill::jinja {

// The function of that name; nothing when there is none.
std::optional<Value> find_global(std::string_view name);

}  // namespace tidemill::jinja
