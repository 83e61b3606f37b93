#include "serve/tools/tool_options.h"

#include <algorithm>
#include <random>
#include <set>
#include <utility>

#include "serve/api_error.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

constexpr size_t kMostTools = 128;
constexpr size_t kLongestName = 64;
constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && std::all_of(name.begin(), name.end(), [](char byte) {
    return kLetters.find(byte) != std::string_view::npos || byte == '_' || byte == '-';
  });
}

std::string checked_name(const json& tool, const std::string& place) {
  if (!tool.is_object()) throw ApiError(400, "'" + place + "': must be an object", place, "invalid_value");
  const Fields fields(tool, place + ".");
  if (fields.text("type").value_or("") != "function") fields.fail("type", "only 'function' is supported");
  const auto function = fields.object("function");
  if (!function) fields.fail("function", "is missing");
  const auto name = function->text("name");
  if (!name || !is_name(*name)) function->fail("name", "must be 1 to 64 letters, digits, '_' and '-'");
  function->text("description");
  function->object("parameters");
  return *name;
}

void check_definitions(const Fields& fields) {
  const json* tools = fields.find("tools");
  if (tools == nullptr) return;
  if (!tools->is_array()) fields.fail("tools", "must be a list");
  if (tools->size() > kMostTools) fields.fail("tools", "has more than " + std::to_string(kMostTools) + " entries");
  std::set<std::string> names;
  for (size_t index = 0; index < tools->size(); ++index) {
    const std::string place = "tools[" + std::to_string(index) + "]";
    const std::string name = checked_name((*tools)[index], place);
    if (!names.insert(name).second) fields.fail(place + ".function.name", "'" + name + "' is given twice");
  }
}

// Whether calls may be made at all.
bool read_choice(const Fields& fields, const ToolOptions& options) {
  const json* choice = fields.find("tool_choice");
  if (choice == nullptr) return true;
  if (choice->is_string()) {
    const auto& word = choice->get_ref<const std::string&>();
    if (word == "none" || word == "auto") return word == "auto";
    if (word != "required") fields.fail("tool_choice", "must be 'none', 'auto', 'required' or a function's name");
  } else {
    const auto object = fields.object("tool_choice");
    const auto function = object->object("function");
    const auto name = function ? function->text("name") : std::nullopt;
    if (!name) fields.fail("tool_choice", "must name a function, as in {\"type\": \"function\", \"function\": {...}}");
    if (!options.has_tool(*name)) fields.fail("tool_choice", "'" + printable(*name, 100) + "' is not among 'tools'");
  }
  fields.fail("tool_choice", "calls cannot be forced yet; use 'auto' or 'none'");
}

}  // namespace

bool ToolOptions::has_tool(std::string_view name) const {
  return std::any_of(definitions.begin(), definitions.end(),
                     [&](const auto& tool) { return tool["function"]["name"] == name; });
}

std::unique_ptr<CallParser> ToolOptions::make_parser() const {
  if (format == nullptr) return nullptr;
  std::vector<std::string> names;
  for (const auto& tool : definitions) names.push_back(tool["function"]["name"].get<std::string>());
  return format->make_parser([names = std::move(names)](std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  });
}

std::vector<int32_t> ToolOptions::spoken_ids(const Tokenizer& tokenizer) const {
  std::vector<int32_t> ids;
  if (format == nullptr) return ids;
  for (const std::string_view marker : format->markers)
    if (const int32_t id = tokenizer.token_id(marker); id >= 0 && tokenizer.is_special(id)) ids.push_back(id);
  return ids;
}

std::string ToolOptions::new_id() const {
  thread_local std::mt19937_64 random(std::random_device{}());
  const bool is_short = format != nullptr && format->has_short_ids;
  std::string id = is_short ? "" : "call_";
  for (int n = is_short ? 9 : 24; n > 0; --n) id += kLetters[random() % kLetters.size()];
  return id;
}

ToolOptions read_tools(const Fields& fields, nlohmann::ordered_json definitions, const ServedModel& model) {
  if (const json* functions = fields.find("functions"); functions != nullptr && !functions->empty())
    fields.fail("functions", "is not supported; use 'tools'");
  check_definitions(fields);
  ToolOptions options;
  if (definitions.is_array()) options.definitions = std::move(definitions);
  options.is_parallel = fields.boolean("parallel_tool_calls").value_or(true);
  const bool may_call = read_choice(fields, options);
  if (options.definitions.empty()) return options;
  options.format = model.chat_template ? find_tool_format(model.chat_template->source_with_tools()) : nullptr;
  if (options.format == nullptr)
    fields.fail("tools", "the chat template of '" + model.name + "' defines no tool calls");
  return may_call ? std::move(options) : ToolOptions();
}

}  // namespace tidemill::serve
