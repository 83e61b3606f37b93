#include "serve/responses_wire.h"

#include <ctime>
#include <utility>

namespace tidemill::serve {
namespace {

using nlohmann::json;

json text_part(const std::string& text) {
  return {{"type", "output_text"}, {"text", text}, {"annotations", json::array()}, {"logprobs", json::array()}};
}

json message_item(const char* status) {
  return {{"id", new_id("msg_")},
          {"type", "message"},
          {"role", "assistant"},
          {"status", status},
          {"content", json::array()}};
}

json call_item(const std::string& id, const std::string& name, const std::string& arguments, const char* status) {
  return {{"id", new_id("fc_")}, {"type", "function_call"}, {"call_id", id},
          {"name", name},        {"arguments", arguments},  {"status", status}};
}

json to_json(const Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens},
          {"input_tokens_details", {{"cached_tokens", usage.cached_tokens}, {"cache_write_tokens", 0}}},
          {"output_tokens", usage.completion_tokens},
          {"output_tokens_details", {{"reasoning_tokens", 0}}},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

const char* status_of(const Choice& choice) {
  return std::string_view(choice.finish_reason) == "length" ? "incomplete" : "completed";
}

}  // namespace

ResponsesWire::ResponsesWire(const ServedModel& model, json echo) : envelope_(std::move(echo)) {
  envelope_["id"] = new_id("resp_");
  envelope_["object"] = "response";
  envelope_["created_at"] = std::time(nullptr);
  envelope_["model"] = model.name;
  envelope_["store"] = false;
  envelope_["error"] = envelope_["incomplete_details"] = envelope_["usage"] = nullptr;
}

json ResponsesWire::response(const char* status) const {
  json response = envelope_;
  response["status"] = status;
  response["output"] = items_;
  return response;
}

json ResponsesWire::ended_response(const Choice& choice, const Usage& usage) const {
  json ended = response(status_of(choice));
  if (ended["status"] == "incomplete") ended["incomplete_details"] = {{"reason", "max_output_tokens"}};
  ended["usage"] = to_json(usage);
  return ended;
}

json ResponsesWire::whole(const std::vector<Choice>& choices, const Usage& usage) {
  const Choice& choice = choices.front();
  if (!choice.text.empty() || choice.calls.empty()) {
    items_.push_back(message_item(status_of(choice)));
    items_.back()["content"].push_back(text_part(choice.text));
  }
  for (const ToolCall& call : choice.calls)
    items_.push_back(call_item(call.id, call.name, call.arguments, status_of(choice)));
  return ended_response(choice, usage);
}

std::string ResponsesWire::event(const char* type, json members) {
  members["type"] = type;
  members["sequence_number"] = n_events_++;
  return to_event(members, type);
}

// An event about the item that is being written.
std::string ResponsesWire::item_event(const char* type, json members) {
  members["item_id"] = items_.back()["id"];
  members["output_index"] = items_.size() - 1;
  if (items_.back()["type"] == "message") members["content_index"] = 0;
  return event(type, std::move(members));
}

std::string ResponsesWire::begin(size_t) {
  std::string events = event("response.created", {{"response", response("in_progress")}});
  return events + event("response.in_progress", {{"response", response("in_progress")}});
}

std::string ResponsesWire::begin_item(json item) {
  std::string events = end_item("completed");
  items_.push_back(std::move(item));
  is_open_ = true;
  events += event("response.output_item.added", {{"output_index", items_.size() - 1}, {"item", items_.back()}});
  if (items_.back()["type"] != "message") return events;
  items_.back()["content"].push_back(text_part(""));
  return events + item_event("response.content_part.added", {{"part", text_part("")}});
}

std::string ResponsesWire::end_item(const char* status) {
  if (!std::exchange(is_open_, false)) return {};
  json& item = items_.back();
  item["status"] = status;
  std::string events;
  if (item["type"] == "message") {
    const json& part = item["content"][0];
    events = item_event("response.output_text.done", {{"text", part["text"]}, {"logprobs", json::array()}});
    events += item_event("response.content_part.done", {{"part", part}});
  } else {
    events =
        item_event("response.function_call_arguments.done", {{"name", item["name"]}, {"arguments", item["arguments"]}});
  }
  return events + event("response.output_item.done", {{"output_index", items_.size() - 1}, {"item", item}});
}

std::string ResponsesWire::piece(const Piece& piece) {
  std::string events;
  if (!piece.text.empty()) {
    if (!is_open_ || items_.back()["type"] != "message") events += begin_item(message_item("in_progress"));
    items_.back()["content"][0]["text"].get_ref<std::string&>() += piece.text;
    events += item_event("response.output_text.delta", {{"delta", piece.text}, {"logprobs", json::array()}});
  }
  for (const CallDelta& call : piece.calls) {
    if (!call.id.empty()) {
      events += begin_item(call_item(call.id, call.name, "", "in_progress"));
    } else {
      items_.back()["arguments"].get_ref<std::string&>() += call.arguments;
      events += item_event("response.function_call_arguments.delta", {{"delta", call.arguments}});
    }
  }
  return events;
}

std::string ResponsesWire::end(const Choice& choice) {
  std::string events;
  if (items_.empty()) events = begin_item(message_item("in_progress"));
  return events + end_item(status_of(choice));
}

std::string ResponsesWire::finish(const std::vector<Choice>& choices, const Usage& usage) {
  const json ended = ended_response(choices.front(), usage);
  return event(ended["status"] == "incomplete" ? "response.incomplete" : "response.completed", {{"response", ended}});
}

std::string ResponsesWire::failure(const ApiError& error) {
  json failed = response("failed");
  failed["error"] = {{"code", "server_error"}, {"message", error.what()}};
  return event("response.failed", {{"response", failed}});
}

}  // namespace tidemill::serve
