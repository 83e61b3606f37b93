#include "serve/tools/tool_options.h"

#include <algorithm>
#include <random>
#include <set>
#include <utility>

#include "serve/api_error.h"
#include "serve/tools/forced_call.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr size_t kMostTools = 128;
constexpr size_t kLongestName = 64;
constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && std::all_of(name.begin(), name.end(), [](char byte) {
    return kLetters.find(byte) != std::string_view::npos || byte == '_' || byte == '-';
  });
}

const char* schema_name(ToolStyle style) {
  return style == ToolStyle::messages ? "input_schema" : "parameters";
}

// The object that describes the function.
Fields function_of(const Fields& tool, ToolStyle style) {
  const std::string type = tool.text("type").value_or(style == ToolStyle::messages ? "custom" : "");
  if (style == ToolStyle::messages) {
    if (type != "custom") tool.fail("type", "only 'custom' is supported");
    return tool;
  }
  if (type != "function") tool.fail("type", "only 'function' is supported");
  if (style == ToolStyle::responses) return tool;
  const auto function = tool.object("function");
  if (!function) tool.fail("function", "is missing");
  return *function;
}

// Adds the name of a tool to the others'.
void check_definition(const json& tool, const std::string& place, ToolStyle style, std::set<std::string>& names) {
  if (!tool.is_object()) throw ApiError(400, "'" + place + "': must be an object", place, "invalid_value");
  const Fields function = function_of(Fields(tool, place + "."), style);
  const auto name = function.text("name");
  if (!name || !is_name(*name)) function.fail("name", "must be 1 to 64 letters, digits, '_' and '-'");
  if (!names.insert(*name).second) function.fail("name", "'" + *name + "' is given twice");
  function.text("description");
  function.object(schema_name(style));
}

void check_definitions(const Fields& fields, ToolStyle style) {
  const json* tools = fields.find("tools");
  if (tools == nullptr) return;
  if (!tools->is_array()) fields.fail("tools", "must be a list");
  if (tools->size() > kMostTools) fields.fail("tools", "has more than " + std::to_string(kMostTools) + " entries");
  std::set<std::string> names;
  for (size_t index = 0; index < tools->size(); ++index)
    check_definition((*tools)[index], "tools[" + std::to_string(index) + "]", style, names);
}

// What templates expect.
ordered_json to_chat_form(ordered_json tool, ToolStyle style) {
  if (style == ToolStyle::chat) return tool;
  ordered_json function = {{"name", tool["name"]}};
  if (tool.contains("description")) function["description"] = tool["description"];
  if (tool.contains(schema_name(style))) function["parameters"] = tool[schema_name(style)];
  return {{"type", "function"}, {"function", std::move(function)}};
}

struct Choice {
  enum class Kind { none, automatic, forced } kind = Kind::automatic;
  std::string name = {};  // of the tool that is forced; empty: any
};

Choice read_word(const Fields& fields, const std::string& word) {
  if (word == "none") return {Choice::Kind::none};
  if (word == "auto") return {Choice::Kind::automatic};
  if (word != "required") fields.fail("tool_choice", "must be 'none', 'auto', 'required' or name a function");
  return {Choice::Kind::forced};
}

Choice read_name(const Fields& fields, const Fields& object, const ToolOptions& options) {
  const auto name = object.text("name");
  if (!name) fields.fail("tool_choice", "must have the name of one of 'tools'");
  if (!options.has_tool(*name)) fields.fail("tool_choice", "'" + printable(*name, 100) + "' is not among 'tools'");
  return {Choice::Kind::forced, *name};
}

// Anthropic's are always objects, with OpenAI's words but for "any".
Choice read_messages_choice(const Fields& fields, const Fields& object, ToolOptions& options) {
  options.is_parallel = !object.boolean("disable_parallel_tool_use").value_or(false);
  const std::string type = object.text("type").value_or("");
  if (type == "tool") return read_name(fields, object, options);
  if (type != "any" && type != "auto" && type != "none")
    fields.fail("tool_choice", "its type must be 'auto', 'any', 'tool' or 'none'");
  return read_word(fields, type == "any" ? "required" : type);
}

Choice read_choice(const Fields& fields, ToolStyle style, ToolOptions& options) {
  const json* choice = fields.find("tool_choice");
  if (choice == nullptr) return {};
  if (choice->is_string() && style != ToolStyle::messages) return read_word(fields, choice->get<std::string>());
  const auto object = fields.object("tool_choice");
  if (style == ToolStyle::messages) return read_messages_choice(fields, *object, options);
  if (object->text("type").value_or("") != "function") fields.fail("tool_choice", "its type must be 'function'");
  if (style == ToolStyle::responses) return read_name(fields, *object, options);
  const auto function = object->object("function");
  if (!function) fields.fail("tool_choice", "must have a 'function'");
  return read_name(fields, *function, options);
}

// Holds the answer to a call of `name`, or of any tool when it is empty.
void force(const Fields& fields, const std::string& name, const Engine& engine, ToolOptions& options) {
  for (const char* other : {"response_format", "grammar"})
    if (fields.find(other) != nullptr)
      fields.fail("tool_choice", std::string("cannot be combined with '") + other + "'");
  options.opening = options.format->opening;
  try {
    options.grammar =
        engine.compile({.kind = GrammarSource::Kind::json_schema,
                        .text = schema_of_call(options.definitions, name, options.format->arguments_name)});
  } catch (const GrammarError& error) {
    fields.fail("tools", printable(error.where() + ": " + error.why()));
  }
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
  auto parser = format->make_parser([names = std::move(names)](std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  });
  std::vector<Part> none;  // an opening is part of a call
  parser->feed(opening, none);
  return parser;
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

ToolOptions read_tools(const Fields& fields, const std::string& body, const ServedModel& model, ToolStyle style) {
  if (const json* functions = fields.find("functions"); functions != nullptr && !functions->empty())
    fields.fail("functions", "is not supported; use 'tools'");
  check_definitions(fields, style);
  ToolOptions options;
  for (ordered_json& tool : parse_in_order(body, "tools"))
    options.definitions.push_back(to_chat_form(std::move(tool), style));
  options.is_parallel = fields.boolean("parallel_tool_calls").value_or(true);
  const Choice choice = read_choice(fields, style, options);
  if (options.definitions.empty()) {
    if (choice.kind == Choice::Kind::forced) fields.fail("tool_choice", "needs 'tools'");
    return options;
  }
  options.format = model.chat_template ? find_tool_format(model.chat_template->source_with_tools()) : nullptr;
  if (options.format == nullptr)
    fields.fail("tools", "the chat template of '" + model.name + "' defines no tool calls");
  if (choice.kind == Choice::Kind::none) return {};
  if (choice.kind == Choice::Kind::forced) force(fields, choice.name, model.engine, options);
  return options;
}

}  // namespace tidemill::serve
