#include "serve/wire.h"

#include <atomic>
#include <ctime>
#include <utility>

#include "serve/generation.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

json to_json(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
}

}  // namespace

std::string new_id(const char* prefix) {
  static std::atomic<uint64_t> last = static_cast<uint64_t>(std::time(nullptr)) << 20;
  return prefix + std::to_string(++last);
}

std::string to_event(const json& data, const char* name) {
  return (name == nullptr ? std::string() : std::string("event: ") + name + "\n") + "data: " + to_text(data) + "\n\n";
}

ChoicesWire::ChoicesWire(const Names& names, const ServedModel& model, const TextOptions& options)
    : names_(names),
      id_(new_id(names.id_prefix)),
      created_(std::time(nullptr)),
      model_(model.name),
      wants_usage_(options.wants_usage) {}

json ChoicesWire::envelope(const char* object) const {
  return {{"id", id_}, {"object", object}, {"created", created_}, {"model", model_}};
}

std::string ChoicesWire::chunk(json entry) const {
  if (entry.is_null()) return {};
  json chunk = envelope(names_.chunk);
  chunk["choices"] = json::array({std::move(entry)});
  if (wants_usage_) chunk["usage"] = nullptr;
  return to_event(chunk);
}

json ChoicesWire::whole(const std::vector<Choice>& choices, const Usage& usage) {
  json whole = envelope(names_.object);
  whole["choices"] = json::array();
  for (const Choice& choice : choices) whole["choices"].push_back(whole_entry(choice));
  whole["usage"] = to_json(usage);
  return whole;
}

std::string ChoicesWire::begin(size_t n_choices) {
  std::string events;
  for (size_t index = 0; index < n_choices; ++index) events += chunk(begin_entry(static_cast<int64_t>(index)));
  return events;
}

std::string ChoicesWire::piece(const Piece& piece) {
  return chunk(piece_entry(piece));
}

std::string ChoicesWire::end(const Choice& choice) {
  return chunk(end_entry(choice));
}

std::string ChoicesWire::finish(const std::vector<Choice>&, const Usage& usage) {
  std::string events;
  if (wants_usage_) {
    json last = envelope(names_.chunk);
    last["choices"] = json::array();
    last["usage"] = to_json(usage);
    events = to_event(last);
  }
  return events + "data: [DONE]\n\n";
}

std::string ChoicesWire::failure(const ApiError& error) {
  return "data: " + error.body() + "\n\n";
}

}  // namespace tidemill::serve
