// POST /v1/chat/completions: the next message of a conversation.
// https://platform.openai.com/docs/api-reference/chat
#include "serve/conversation.h"
#include "serve/generation.h"
#include "serve/grammars.h"
#include "serve/routes.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

json to_json(const ToolCall& call) {
  return {{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}};
}

json to_json(const CallDelta& delta) {
  json result = {{"index", delta.index}, {"function", {{"arguments", delta.arguments}}}};
  if (delta.id.empty()) return result;
  result["id"] = delta.id;
  result["type"] = "function";
  result["function"]["name"] = delta.name;
  return result;
}

class ChatWire : public ChoicesWire {
 public:
  ChatWire(const ServedModel& model, const TextOptions& options)
      : ChoicesWire({"chatcmpl-", "chat.completion", "chat.completion.chunk"}, model, options),
        tokenizer_(model.engine.tokenizer()) {}

 protected:
  json whole_entry(const Choice& choice) override {
    json message = {{"role", "assistant"}, {"content", choice.text}, {"refusal", nullptr}};
    if (!choice.calls.empty()) {
      if (choice.text.empty()) message["content"] = nullptr;
      for (const ToolCall& call : choice.calls) message["tool_calls"].push_back(to_json(call));
    }
    return {{"index", choice.index},
            {"message", std::move(message)},
            {"logprobs", logprobs(choice.tokens)},
            {"finish_reason", choice.finish_reason}};
  }
  json begin_entry(int64_t index) override {
    return delta(index, {{"role", "assistant"}, {"content", ""}}, {}, nullptr);
  }
  json piece_entry(const Piece& piece) override {
    if (piece.text.empty() && piece.tokens.empty() && piece.calls.empty()) return {};
    json content = json::object();
    if (!piece.text.empty() || piece.calls.empty()) content["content"] = piece.text;
    for (const CallDelta& call : piece.calls) content["tool_calls"].push_back(to_json(call));
    return delta(piece.index, std::move(content), piece.tokens, nullptr);
  }
  json end_entry(const Choice& choice) override {
    return delta(choice.index, json::object(), {}, choice.finish_reason);
  }

 private:
  json delta(int64_t index, json content, const std::vector<TokenNote>& tokens, const char* finish_reason) const {
    return {{"index", index},
            {"delta", std::move(content)},
            {"logprobs", logprobs(tokens)},
            {"finish_reason", finish_reason == nullptr ? json() : json(finish_reason)}};
  }

  json logprobs(const std::vector<TokenNote>& tokens) const {
    if (tokens.empty()) return nullptr;
    json content = json::array();
    for (const TokenNote& token : tokens) {
      json entry = describe(token.front());
      entry["top_logprobs"] = json::array();
      for (size_t rank = 1; rank < token.size(); ++rank) entry["top_logprobs"].push_back(describe(token[rank]));
      content.push_back(std::move(entry));
    }
    return {{"content", std::move(content)}, {"refusal", nullptr}};
  }

  json describe(const TokenLogprob& token) const {
    const std::string_view bytes = tokenizer_.token_bytes_if_any(token.id, false);
    json numbers = json::array();
    for (const char byte : bytes) numbers.push_back(static_cast<unsigned char>(byte));
    return {{"token", std::string(bytes)}, {"logprob", token.logprob}, {"bytes", std::move(numbers)}};
  }

  const Tokenizer& tokenizer_;
};

}  // namespace

void post_chat_completions(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const json body = parse_body(request.body);
  const Fields fields(body, "");
  ServedModel& model = app.models.find(fields.text("model"));
  TextOptions options = read_text_options(fields, -1);
  options.request.grammar = read_grammar(fields, request.body, model.engine);
  const auto n_top = fields.integer("top_logprobs", 0, 20);
  const bool wants_logprobs = fields.boolean("logprobs").value_or(false);
  if (n_top && !wants_logprobs) fields.fail("top_logprobs", "needs 'logprobs' to be true");
  if (wants_logprobs) options.request.n_logprobs = static_cast<int32_t>(n_top.value_or(0));

  ToolOptions tools = read_tools(fields, request.body, model, ToolStyle::chat);
  auto messages = read_messages(fields, parse_in_order(request.body, "messages"));
  const std::vector<std::vector<int32_t>> prompts = {render(model, std::move(messages), tools, "messages")};
  auto wire = std::make_unique<ChatWire>(model, options);
  std::make_shared<Generation>(model, std::move(options), std::move(wire), answer, std::move(tools))
      ->start(prompts, request.client);
}

}  // namespace tidemill::serve
