#include "serve/messages_wire.h"

#include <string_view>
#include <utility>

#include "serve/generation.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

const char* type_of(int status) {
  switch (status) {
    case 400:
    case 405:
    case 415:
      return "invalid_request_error";
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    default:
      return status == 503 ? "overloaded_error" : "api_error";
  }
}

json error_json(const ApiError& error) {
  return {{"type", "error"}, {"error", {{"type", type_of(error.status())}, {"message", error.what()}}}};
}

const char* stop_reason_of(const Choice& choice) {
  const std::string_view reason = choice.finish_reason;
  if (reason == "length") return "max_tokens";
  if (reason == "tool_calls") return "tool_use";
  return choice.stop.empty() ? "end_turn" : "stop_sequence";
}

json stop_sequence_of(const Choice& choice) {
  return choice.stop.empty() ? json() : json(choice.stop);
}

json to_json(const Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens - usage.cached_tokens},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", usage.cached_tokens},
          {"output_tokens", usage.completion_tokens}};
}

json call_block(const std::string& id, const std::string& name, json input) {
  return {{"type", "tool_use"}, {"id", id}, {"name", name}, {"input", std::move(input)}};
}

// The input of a call; of one that was cut short nothing is left.
json input_of(const ToolCall& call) {
  json input = json::parse(call.arguments, nullptr, /*allow_exceptions=*/false);
  return input.is_object() ? input : json::object();
}

}  // namespace

std::string messages_error(const ApiError& error) {
  return to_text(error_json(error));
}

MessagesWire::MessagesWire(const ServedModel& model, int64_t n_prompt_tokens)
    : id_(new_id("msg_")), model_(model.name), n_prompt_tokens_(n_prompt_tokens) {}

json MessagesWire::message() const {
  return {{"id", id_},
          {"type", "message"},
          {"role", "assistant"},
          {"model", model_},
          {"content", json::array()},
          {"stop_reason", nullptr},
          {"stop_sequence", nullptr},
          {"usage", to_json({.prompt_tokens = n_prompt_tokens_})}};
}

json MessagesWire::whole(const std::vector<Choice>& choices, const Usage& usage) {
  const Choice& choice = choices.front();
  json whole = message();
  if (!choice.text.empty()) whole["content"].push_back({{"type", "text"}, {"text", choice.text}});
  for (const ToolCall& call : choice.calls) whole["content"].push_back(call_block(call.id, call.name, input_of(call)));
  whole["stop_reason"] = stop_reason_of(choice);
  whole["stop_sequence"] = stop_sequence_of(choice);
  whole["usage"] = to_json(usage);
  return whole;
}

std::string MessagesWire::failure_body(const ApiError& error) {
  return messages_error(error);
}

std::string MessagesWire::begin(size_t) {
  return to_event({{"type", "message_start"}, {"message", message()}}, "message_start") +
         to_event({{"type", "ping"}}, "ping");
}

std::string MessagesWire::begin_block(Block block, json content) {
  std::string events = end_block();
  block_ = block;
  return events +
         to_event({{"type", "content_block_start"}, {"index", n_blocks_}, {"content_block", std::move(content)}},
                  "content_block_start");
}

std::string MessagesWire::delta(json delta) const {
  return to_event({{"type", "content_block_delta"}, {"index", n_blocks_}, {"delta", std::move(delta)}},
                  "content_block_delta");
}

std::string MessagesWire::end_block() {
  if (std::exchange(block_, Block::none) == Block::none) return {};
  return to_event({{"type", "content_block_stop"}, {"index", n_blocks_++}}, "content_block_stop");
}

std::string MessagesWire::piece(const Piece& piece) {
  std::string events;
  if (!piece.text.empty()) {
    if (block_ != Block::text) events += begin_block(Block::text, {{"type", "text"}, {"text", ""}});
    events += delta({{"type", "text_delta"}, {"text", piece.text}});
  }
  for (const CallDelta& call : piece.calls) {
    if (!call.id.empty())
      events += begin_block(Block::call, call_block(call.id, call.name, json::object()));
    else
      events += delta({{"type", "input_json_delta"}, {"partial_json", call.arguments}});
  }
  return events;
}

std::string MessagesWire::end(const Choice&) {
  return end_block();
}

std::string MessagesWire::finish(const std::vector<Choice>& choices, const Usage& usage) {
  const Choice& choice = choices.front();
  const json delta = {{"stop_reason", stop_reason_of(choice)}, {"stop_sequence", stop_sequence_of(choice)}};
  return to_event({{"type", "message_delta"}, {"delta", delta}, {"usage", to_json(usage)}}, "message_delta") +
         to_event({{"type", "message_stop"}}, "message_stop");
}

std::string MessagesWire::failure(const ApiError& error) {
  return to_event(error_json(error), "error");
}

}  // namespace tidemill::serve
