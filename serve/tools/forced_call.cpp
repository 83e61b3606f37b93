#include "serve/tools/forced_call.h"

#include <utility>

namespace tidemill::serve {
namespace {

using nlohmann::ordered_json;

// References of a schema that has moved from the root of a document to `place`.  Bodies are at most 64 deep.
void move_references(ordered_json& schema, const std::string& place) {
  if (schema.is_object()) {
    const auto reference = schema.find("$ref");
    if (reference != schema.end() && reference->is_string() &&
        reference->get_ref<const std::string&>().starts_with('#'))
      *reference = "#" + place + reference->get<std::string>().substr(1);
  }
  if (schema.is_structured())
    for (ordered_json& part : schema) move_references(part, place);
}

}  // namespace

std::string schema_of_call(const ordered_json& definitions, const std::string& name,
                           const std::string& arguments_name) {
  ordered_json calls = ordered_json::array();
  for (const ordered_json& definition : definitions) {
    const ordered_json& function = definition["function"];
    if (!name.empty() && function["name"] != name) continue;
    ordered_json arguments = {{"type", "object"}};
    if (function.contains("parameters") && function["parameters"].is_object()) arguments = function["parameters"];
    move_references(arguments, "/anyOf/" + std::to_string(calls.size()) + "/properties/" + arguments_name);
    ordered_json call = {{"type", "object"}};
    call["properties"]["name"] = {{"const", function["name"]}};
    call["properties"][arguments_name] = std::move(arguments);
    call["required"] = {"name", arguments_name};
    call["additionalProperties"] = false;
    calls.push_back(std::move(call));
  }
  return ordered_json{{"anyOf", std::move(calls)}}.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace tidemill::serve
