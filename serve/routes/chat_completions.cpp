// POST /v1/chat/completions: the next message of a conversation.
// https://platform.openai.com/docs/api-reference/chat
#include "serve/api_error.h"
#include "serve/generation.h"
#include "serve/routes.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

class ChatWire : public Wire {
 public:
  explicit ChatWire(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  const char* id_prefix() const override { return "chatcmpl-"; }
  const char* object() const override { return "chat.completion"; }
  const char* chunk_object() const override { return "chat.completion.chunk"; }

  json whole(const Choice& choice) const override {
    return {{"index", choice.index},
            {"message", {{"role", "assistant"}, {"content", choice.text}, {"refusal", nullptr}}},
            {"logprobs", logprobs(choice.tokens)},
            {"finish_reason", choice.finish_reason}};
  }
  json begin(int64_t index) const override {
    return delta(index, {{"role", "assistant"}, {"content", ""}}, {}, nullptr);
  }
  json piece(const Choice& piece) const override {
    if (piece.text.empty() && piece.tokens.empty()) return {};
    return delta(piece.index, {{"content", piece.text}}, piece.tokens, nullptr);
  }
  json end(const Choice& choice) const override {
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
    const std::string_view bytes = tokenizer_.token_bytes(token.id, false);
    json numbers = json::array();
    for (const char byte : bytes) numbers.push_back(static_cast<unsigned char>(byte));
    return {{"token", std::string(bytes)}, {"logprob", token.logprob}, {"bytes", std::move(numbers)}};
  }

  const Tokenizer& tokenizer_;
};

// The text that the model's template makes of the conversation.
std::string render(const ServedModel& model, const Fields& fields) {
  const json* messages = fields.find("messages");
  if (messages == nullptr) fields.fail("messages", "is missing; give the conversation so far");
  if (!messages->is_array() || messages->empty()) fields.fail("messages", "must be a list with at least one message");
  for (const json& message : *messages)
    if (!message.is_object() || !message.contains("role") || !message["role"].is_string())
      fields.fail("messages", "each must be an object with a 'role'");
  if (!model.chat_template)
    throw ApiError(400, "'model': '" + model.name + "' has no chat template; ask /v1/completions", "model",
                   "no_chat_template");
  try {
    return model.chat_template->render(to_text({{"messages", *messages}, {"add_generation_prompt", true}}));
  } catch (const Error& error) {
    throw ApiError(400, "'messages': " + printable(error.what()), "messages", "invalid_value");
  }
}

// Fields that would change what is answered and that nothing here looks at yet.
void refuse_unsupported(const Fields& fields) {
  for (const char* name : {"tools", "functions"})
    if (const json* value = fields.find(name); value != nullptr && !value->empty())
      fields.fail(name, "is not supported");
  if (const auto format = fields.object("response_format"); format && format->text("type").value_or("text") != "text")
    fields.fail("response_format", "only the type 'text' is supported");
}

}  // namespace

void post_chat_completions(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const json body = parse_body(request.body);
  const Fields fields(body, "");
  ServedModel& model = app.models.find(fields.text("model"));
  TextOptions options = read_text_options(fields, -1);
  refuse_unsupported(fields);
  const auto n_top = fields.integer("top_logprobs", 0, 20);
  const bool wants_logprobs = fields.boolean("logprobs").value_or(false);
  if (n_top && !wants_logprobs) fields.fail("top_logprobs", "needs 'logprobs' to be true");
  if (wants_logprobs) options.request.n_logprobs = static_cast<int32_t>(n_top.value_or(0));

  // The template writes the special tokens that the model wants.
  const EncodeOptions encode{.add_special_tokens = false, .special_text = SpecialText::parse};
  const std::vector<std::vector<int32_t>> prompts = {model.engine.tokenizer().encode(render(model, fields), encode)};
  auto wire = std::make_unique<ChatWire>(model.engine.tokenizer());
  std::make_shared<Generation>(model, std::move(options), std::move(wire), answer)->start(prompts, request.client);
}

}  // namespace tidemill::serve
