// POST /v1/messages and /v1/messages/count_tokens: Anthropic's form of a chat.
// https://docs.anthropic.com/en/api/messages
#include "serve/conversation.h"
#include "serve/generation.h"
#include "serve/messages_wire.h"
#include "serve/routes.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// The blocks of one message become messages as templates know them: results of tools, and one with text and calls.
class Blocks {
 public:
  Blocks(std::string role, ordered_json& messages) : role_(std::move(role)), messages_(messages) {}

  // `block` with its keys in order.
  void add(const Fields& fields, ordered_json block) {
    const std::string type = fields.text("type").value_or("");
    if (type == "text")
      add_text(fields);
    else if (type == "tool_use" && role_ == "assistant")
      add_call(fields, std::move(block));
    else if (type == "tool_result" && role_ == "user")
      add_result(fields);
    else
      fields.fail("type", role_ == "user" ? "only 'text' and 'tool_result' are supported"
                                          : "only 'text' and 'tool_use' are supported");
  }

  void finish() {
    if (!has_text_ && calls_.empty()) return;
    ordered_json message = {{"role", role_}, {"content", text_}};
    if (!calls_.empty()) message["tool_calls"] = std::move(calls_);
    messages_.push_back(std::move(message));
  }

 private:
  void add_text(const Fields& block) {
    const auto text = block.text("text");
    if (!text) block.fail("text", "is missing");
    text_ += (has_text_ ? "\n" : "") + *text;
    has_text_ = true;
  }

  void add_call(const Fields& fields, ordered_json block) {
    const auto name = fields.text("name");
    if (!name) fields.fail("name", "is missing");
    if (!fields.object("input")) fields.fail("input", "is missing");
    calls_.push_back({{"id", fields.text("id").value_or("")},
                      {"type", "function"},
                      {"function", {{"name", *name}, {"arguments", std::move(block["input"])}}}});
  }

  void add_result(const Fields& block) {
    const auto id = block.text("tool_use_id");
    if (!id) block.fail("tool_use_id", "is missing");
    messages_.push_back(
        {{"role", "tool"}, {"tool_call_id", *id}, {"content", read_content(block, "content", {"text"})}});
  }

  std::string role_;
  ordered_json& messages_;
  std::string text_;
  bool has_text_ = false;
  ordered_json calls_ = ordered_json::array();
};

void add_message(const Fields& message, ordered_json in_order, ordered_json& messages) {
  const std::string role = message.text("role").value_or("");
  if (role != "user" && role != "assistant") message.fail("role", "must be 'user' or 'assistant'");
  const json* content = message.find("content");
  if (content == nullptr) message.fail("content", "is missing");
  if (content->is_string()) {
    messages.push_back({{"role", role}, {"content", *content}});
    return;
  }
  if (!content->is_array()) message.fail("content", "must be a string or a list of blocks");
  Blocks blocks(role, messages);
  for (size_t index = 0; index < content->size(); ++index) {
    const std::string place = "content[" + std::to_string(index) + "]";
    blocks.add(message.entry(place, (*content)[index]), std::move(in_order["content"][index]));
  }
  blocks.finish();
}

ordered_json read_conversation(const Fields& fields, const std::string& body) {
  ordered_json messages = ordered_json::array();
  if (fields.find("system") != nullptr)
    messages.push_back({{"role", "system"}, {"content", read_content(fields, "system", {"text"})}});
  const json* given = fields.find("messages");
  if (given == nullptr || !given->is_array() || given->empty())
    fields.fail("messages", "must be a list with at least one message");
  ordered_json in_order = parse_in_order(body, "messages");
  for (size_t index = 0; index < given->size(); ++index) {
    const std::string place = "messages[" + std::to_string(index) + "]";
    add_message(fields.entry(place, (*given)[index]), std::move(in_order[index]), messages);
  }
  if (given->back()["role"] != "user") fields.fail("messages", "must end with a message of the user");
  return messages;
}

void refuse_unsupported(const Fields& fields) {
  for (const char* name : {"mcp_servers", "container", "output_config", "output_format"})
    if (const json* value = fields.find(name); value != nullptr && !value->empty())
      fields.fail(name, "is not supported");
  if (const auto thinking = fields.object("thinking"); thinking && thinking->text("type").value_or("") != "disabled")
    fields.fail("thinking", "only the type 'disabled' is supported");
}

struct Asked {
  ServedModel& model;
  ToolOptions tools;
  std::vector<int32_t> prompt;
};

Asked read_request(App& app, const Fields& fields, const std::string& body) {
  ServedModel& model = app.models.find(fields.text("model"));
  refuse_unsupported(fields);
  ToolOptions tools = read_tools(fields, body, model, ToolStyle::messages);
  auto prompt = render(model, read_conversation(fields, body), tools, "messages");
  return {model, std::move(tools), std::move(prompt)};
}

}  // namespace

void post_messages(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const json body = parse_body(request.body);
  const Fields fields(body, "");
  if (fields.find("max_tokens") == nullptr) fields.fail("max_tokens", "is missing");
  TextOptions options = read_text_options(fields, -1);
  fields.integer("n", 1, 1);
  options.request.stop = fields.texts("stop_sequences", kMostStops, kMostStopBytes);
  Asked asked = read_request(app, fields, request.body);
  auto wire = std::make_unique<MessagesWire>(asked.model, std::ssize(asked.prompt));
  std::make_shared<Generation>(asked.model, std::move(options), std::move(wire), answer, std::move(asked.tools))
      ->start({std::move(asked.prompt)}, request.client);
}

void post_count_tokens(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const json body = parse_body(request.body);
  const Fields fields(body, "");
  answer->send({.body = to_text({{"input_tokens", read_request(app, fields, request.body).prompt.size()}})});
}

}  // namespace tidemill::serve
