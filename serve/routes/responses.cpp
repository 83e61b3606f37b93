// POST /v1/responses: OpenAI's newer form of a chat.  Nothing is stored: the whole conversation comes each time.
// https://platform.openai.com/docs/api-reference/responses
#include "serve/conversation.h"
#include "serve/generation.h"
#include "serve/responses_wire.h"
#include "serve/routes.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// Fields that would change what is answered and that nothing here follows.
void refuse_unsupported(const Fields& fields) {
  for (const char* name : {"previous_response_id", "conversation", "prompt"})
    if (fields.find(name) != nullptr)
      fields.fail(name, "is not supported; nothing is stored here, send the whole input");
  for (const char* name : {"reasoning", "max_tool_calls", "include"})
    if (const json* value = fields.find(name); value != nullptr && !value->empty())
      fields.fail(name, "is not supported");
  if (fields.boolean("store").value_or(false)) fields.fail("store", "must be false; nothing is stored here");
  if (fields.boolean("background").value_or(false)) fields.fail("background", "must be false");
  if (fields.text("truncation").value_or("disabled") != "disabled") fields.fail("truncation", "must be 'disabled'");
  fields.integer("n", 1, 1);
  fields.integer("top_logprobs", 0, 0);
  const auto text = fields.object("text");
  const auto format = text ? text->object("format") : std::nullopt;
  if (format && format->text("type").value_or("text") != "text")
    fields.fail("text.format", "only the type 'text' is supported");
}

// Templates know one message of the system, at the beginning.
void add_message(ordered_json& messages, std::string role, const std::string& content) {
  if (role == "developer") role = "system";
  if (role == "system" && messages.size() == 1 && messages[0]["role"] == "system")
    messages[0]["content"].get_ref<std::string&>() += "\n\n" + content;
  else
    messages.push_back({{"role", role}, {"content", content}});
}

// The calls of one answer, and the text before them, are one message to templates.
void add_call(ordered_json& messages, const Fields& item) {
  const auto name = item.text("name");
  if (!name) item.fail("name", "is missing");
  if (messages.empty() || messages.back()["role"] != "assistant") add_message(messages, "assistant", "");
  messages.back()["tool_calls"].push_back(
      {{"id", item.text("call_id").value_or("")},
       {"type", "function"},
       {"function", {{"name", *name}, {"arguments", read_arguments(item, "arguments")}}}});
}

void add_item(ordered_json& messages, const Fields& item) {
  const std::string type = item.text("type").value_or("message");
  if (type == "function_call") return add_call(messages, item);
  if (type == "function_call_output") {
    if (item.find("output") == nullptr) item.fail("output", "is missing");
    messages.push_back({{"role", "tool"},
                        {"tool_call_id", item.text("call_id").value_or("")},
                        {"content", read_content(item, "output", {"input_text"})}});
    return;
  }
  if (type != "message") item.fail("type", "only 'message', 'function_call' and 'function_call_output' are supported");
  const auto role = item.text("role");
  if (!role) item.fail("role", "is missing");
  add_message(messages, *role, read_content(item, "content", {"input_text", "output_text", "text"}));
}

ordered_json read_input(const Fields& fields) {
  ordered_json messages = ordered_json::array();
  if (const auto instructions = fields.text("instructions")) add_message(messages, "system", *instructions);
  const json* input = fields.find("input");
  if (input == nullptr) fields.fail("input", "is missing; give a text or a list of items");
  if (input->is_string()) {
    add_message(messages, "user", input->get<std::string>());
    return messages;
  }
  if (!input->is_array() || input->empty()) fields.fail("input", "must be a text or a list with at least one item");
  for (size_t index = 0; index < input->size(); ++index) {
    const std::string place = "input[" + std::to_string(index) + "]";
    add_item(messages, fields.entry(place, (*input)[index]));
  }
  return messages;
}

// What the answer repeats of the request, with defaults.
json echo_of(const Fields& fields, const TextOptions& options) {
  const auto given = [&](const char* name, json otherwise) {
    const json* value = fields.find(name);
    return value == nullptr ? otherwise : *value;
  };
  return {{"instructions", given("instructions", nullptr)},
          {"max_output_tokens", given("max_output_tokens", nullptr)},
          {"metadata", given("metadata", json::object())},
          {"parallel_tool_calls", given("parallel_tool_calls", true)},
          {"previous_response_id", nullptr},
          {"temperature", options.request.sampling.temperature},
          {"text", {{"format", {{"type", "text"}}}}},
          {"tool_choice", given("tool_choice", "auto")},
          {"tools", given("tools", json::array())},
          {"top_p", options.request.sampling.top_p},
          {"truncation", "disabled"}};
}

}  // namespace

void post_responses(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const json body = parse_body(request.body);
  const Fields fields(body, "");
  ServedModel& model = app.models.find(fields.text("model"));
  refuse_unsupported(fields);
  TextOptions options = read_text_options(fields, -1);
  if (const auto limit = fields.integer("max_output_tokens", 1, kMostTokens)) options.request.max_tokens = *limit;
  ToolOptions tools = read_tools(fields, request.body, model, ToolStyle::responses);
  const std::vector<std::vector<int32_t>> prompts = {render(model, read_input(fields), tools, "input")};
  auto wire = std::make_unique<ResponsesWire>(model, echo_of(fields, options));
  std::make_shared<Generation>(model, std::move(options), std::move(wire), answer, std::move(tools))
      ->start(prompts, request.client);
}

}  // namespace tidemill::serve
