#include "serve/conversation.h"

#include <algorithm>

#include "serve/api_error.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

ordered_json read_call(const Fields& call) {
  const auto function = call.object("function");
  const auto name = function ? function->text("name") : std::nullopt;
  if (!name) call.fail("function", "must have a 'name'");
  return {{"id", call.text("id").value_or("")},
          {"type", "function"},
          {"function", {{"name", *name}, {"arguments", read_arguments(*function, "arguments")}}}};
}

ordered_json read_message(const json& given, ordered_json message, const std::string& place) {
  const Fields fields(given, place + ".");
  message["content"] = read_content(fields, "content", {"text"});
  message.erase("tool_calls");
  const json* calls = fields.find("tool_calls");
  if (calls == nullptr) return message;
  if (!calls->is_array()) fields.fail("tool_calls", "must be a list");
  for (size_t index = 0; index < calls->size(); ++index) {
    const std::string entry = "tool_calls[" + std::to_string(index) + "]";
    message["tool_calls"].push_back(read_call(fields.entry(entry, (*calls)[index])));
  }
  return message;
}

}  // namespace

ordered_json read_arguments(const Fields& call, std::string_view name) {
  const std::string text = call.text(name).value_or("");
  if (text.empty()) return ordered_json::object();
  if (!json::accept(text)) call.fail(name, "must be a JSON object, as text");
  parse_body("{\"arguments\":" + text + "}");  // its depth
  ordered_json arguments = parse_in_order("{\"arguments\":" + text + "}", "arguments");
  if (!arguments.is_object()) call.fail(name, "must be a JSON object, as text");
  return arguments;
}

std::string read_content(const Fields& message, std::string_view name, std::initializer_list<std::string_view> types) {
  const json* content = message.find(name);
  if (content == nullptr) return {};
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array()) message.fail(name, "must be a string or a list of parts");
  std::string text;
  for (size_t index = 0; index < content->size(); ++index) {
    const json& part = (*content)[index];
    const std::string place = std::string(name) + "[" + std::to_string(index) + "]";
    const Fields fields = message.entry(place, part);
    if (std::find(types.begin(), types.end(), fields.text("type").value_or("")) == types.end())
      fields.fail("type", "only text is supported");
    const auto line = fields.text("text");
    if (!line) fields.fail("text", "is missing");
    text += (index > 0 ? "\n" : "") + *line;
  }
  return text;
}

ordered_json read_messages(const Fields& fields, ordered_json messages) {
  const json* given = fields.find("messages");
  if (given == nullptr) fields.fail("messages", "is missing; give the conversation so far");
  if (!given->is_array() || given->empty()) fields.fail("messages", "must be a list with at least one message");
  for (size_t index = 0; index < given->size(); ++index) {
    const json& message = (*given)[index];
    if (!message.is_object() || !message.contains("role") || !message["role"].is_string())
      fields.fail("messages", "each must be an object with a 'role'");
    messages[index] = read_message(message, std::move(messages[index]), "messages[" + std::to_string(index) + "]");
  }
  return messages;
}

std::vector<int32_t> render(const ServedModel& model, ordered_json messages, const ToolOptions& tools,
                            const std::string& field) {
  if (!model.chat_template)
    throw ApiError(400, "'model': '" + model.name + "' has no chat template; ask /v1/completions", "model",
                   "no_chat_template");
  ordered_json variables = {{"messages", std::move(messages)}, {"add_generation_prompt", true}};
  if (!tools.definitions.empty()) variables["tools"] = tools.definitions;
  std::string text;
  try {
    text = model.chat_template->render(variables.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
  } catch (const Error& error) {
    throw ApiError(400, "'" + field + "': " + printable(error.what()), field, "invalid_value");
  }
  text += tools.opening;
  // The template writes the special tokens that the model wants.
  return model.engine.tokenizer().encode(text, {.add_special_tokens = false, .special_text = SpecialText::parse});
}

}  // namespace tidemill::serve
