// A call that the model has to make: the answer begins with the format's opening, and what follows is held to a
// grammar.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace tidemill::serve {

// The JSON Schema of {"name": ..., `arguments_name`: {...}} for one of `definitions`, or only the one of `name` when it
// is not empty.
std::string schema_of_call(const nlohmann::ordered_json& definitions, const std::string& name,
                           const std::string& arguments_name);

}  // namespace tidemill::serve
