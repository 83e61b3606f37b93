// POST /v1/completions: texts that go on from prompts.
// https://platform.openai.com/docs/api-reference/completions
#include <algorithm>
#include <cmath>
#include <map>

#include "serve/api_error.h"
#include "serve/generation.h"
#include "serve/grammars.h"
#include "serve/prompts.h"
#include "serve/routes.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

constexpr int64_t kDefaultTokens = 16;  // OpenAI's

// A token as text; one that is only part of a character as its bytes, "bytes:\\xe2\\x96".
std::string spelled(std::string_view token) {
  try {
    json(token).dump();
    return std::string(token);
  } catch (const json::exception&) {  // not UTF-8
    std::string bytes = "bytes:";
    for (const char byte : token) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const auto value = static_cast<unsigned char>(byte);
      bytes += std::string("\\x") + kDigits[value >> 4] + kDigits[value & 15];
    }
    return bytes;
  }
}

// Those that begin in `bytes`: a token may be only part of one.
size_t n_characters(std::string_view bytes) {
  return static_cast<size_t>(
      std::count_if(bytes.begin(), bytes.end(), [](char byte) { return (static_cast<uint8_t>(byte) & 0xc0) != 0x80; }));
}

class CompletionWire : public ChoicesWire {
 public:
  CompletionWire(const ServedModel& model, const TextOptions& options)
      : ChoicesWire({"cmpl-", "text_completion", "text_completion"}, model, options),
        tokenizer_(model.engine.tokenizer()) {}

 protected:
  json whole_entry(const Choice& choice) override {
    return entry(choice.index, choice.text, choice.tokens, choice.finish_reason);
  }
  json begin_entry(int64_t) override { return {}; }
  json piece_entry(const Piece& piece) override {
    if (piece.text.empty() && piece.tokens.empty()) return {};
    return entry(piece.index, piece.text, piece.tokens, nullptr);
  }
  json end_entry(const Choice& choice) override { return entry(choice.index, "", {}, choice.finish_reason); }

 private:
  json entry(int64_t index, const std::string& text, const std::vector<TokenNote>& tokens, const char* reason) {
    return {{"index", index},
            {"text", text},
            {"logprobs", tokens.empty() ? json() : logprobs(tokens, n_told_[index])},
            {"finish_reason", reason == nullptr ? json() : json(reason)}};
  }

  // `offset` is where the first of them begins in its text, in characters, and becomes where the next one does.
  json logprobs(const std::vector<TokenNote>& tokens, size_t& offset) const {
    json result = {{"tokens", json::array()},
                   {"token_logprobs", json::array()},
                   {"top_logprobs", json::array()},
                   {"text_offset", json::array()}};
    for (const TokenNote& token : tokens) {
      const auto name = [&](int32_t id) { return spelled(tokenizer_.token_bytes_if_any(id, false)); };
      const auto& own = token.front();
      result["tokens"].push_back(name(own.id));
      const bool has_logprob = !std::isnan(own.logprob);
      result["token_logprobs"].push_back(has_logprob ? json(own.logprob) : json());
      json top = has_logprob ? json::object() : json();
      for (size_t rank = 1; rank < token.size(); ++rank) top[name(token[rank].id)] = token[rank].logprob;
      result["top_logprobs"].push_back(top);
      result["text_offset"].push_back(offset);
      offset += n_characters(tokenizer_.token_bytes_if_any(own.id, /*skip_special_tokens=*/true));
    }
    return result;
  }

  const Tokenizer& tokenizer_;
  std::map<int64_t, size_t> n_told_;  // characters of each choice whose tokens were told of
};

}  // namespace

void post_completions(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const json body = parse_body(request.body);
  const Fields fields(body, "");
  ServedModel& model = app.models.find(fields.text("model"));
  TextOptions options = read_text_options(fields, kDefaultTokens);
  options.request.grammar = read_grammar(fields, request.body, model.engine);
  if (const auto suffix = fields.text("suffix"); suffix && !suffix->empty())
    fields.fail("suffix", "is not supported; a prompt is only gone on from");
  options.request.n_logprobs = static_cast<int32_t>(fields.integer("logprobs", 0, 20).value_or(-1));
  const bool is_echo = fields.boolean("echo").value_or(false);
  const json* prompt = fields.find("prompt");
  if (prompt == nullptr) fields.fail("prompt", "is missing; give a text or a list of token ids");

  std::vector<std::vector<int32_t>> prompts;
  std::vector<std::string> echoes;
  for (Prompt& entry : read_prompts(*prompt, model)) {
    if (is_echo) echoes.push_back(std::move(entry.text));
    prompts.push_back(std::move(entry.ids));
  }
  auto wire = std::make_unique<CompletionWire>(model, options);
  std::make_shared<Generation>(model, std::move(options), std::move(wire), answer)
      ->start(prompts, request.client, echoes);
}

}  // namespace tidemill::serve
