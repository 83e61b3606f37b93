#include "text/split/split_stages.h"

#include <string>
#include <vector>

namespace tidemill {

using nlohmann::json;

std::string_view isolating_pattern(const json& stage) {
  const auto member = [](const json& object, const char* name) {
    return object.is_object() && object.contains(name) ? &object[name] : nullptr;
  };
  const auto is = [](const json* value, const json& wanted) { return value != nullptr && *value == wanted; };
  if (!is(member(stage, "type"), "Split") || !is(member(stage, "behavior"), "Isolated")) return {};
  if (is(member(stage, "invert"), true)) return {};
  const json* const pattern = member(stage, "pattern");
  const json* const regex = pattern != nullptr ? member(*pattern, "Regex") : nullptr;
  return regex != nullptr && regex->is_string() ? std::string_view(regex->get_ref<const std::string&>())
                                                : std::string_view();
}

PatternSequence find_split_stages(std::span<const json> stages) {
  std::vector<std::string_view> patterns;
  for (const json& stage : stages) {
    const std::string_view pattern = isolating_pattern(stage);
    if (pattern.empty()) break;
    patterns.push_back(pattern);
  }
  return find_split_patterns(patterns);
}

}  // namespace tidemill
