// Python's calls with literal arguments, as models write them: f(a=1, b="x", c=[True, None, {"k": 1.5}]).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill::serve {

struct PythonCall {
  std::string name;
  nlohmann::ordered_json arguments;
};

// The calls of a list, or one or several that follow each other; nothing when `source` is anything else, such as a call
// with arguments that have no names, or is nested more than 32 deep.
std::optional<std::vector<PythonCall>> parse_python_calls(std::string_view source);

}  // namespace tidemill::serve
