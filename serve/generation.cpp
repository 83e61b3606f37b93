#include "serve/generation.h"

#include <atomic>
#include <ctime>
#include <utility>

#include "serve/api_error.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

std::string new_id(const char* prefix) {
  static std::atomic<uint64_t> last = static_cast<uint64_t>(std::time(nullptr)) << 20;
  return prefix + std::to_string(++last);
}

const char* finish_reason_of(FinishReason reason) {
  return reason == FinishReason::length || reason == FinishReason::context_full ? "length" : "stop";
}

json to_json(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
}

}  // namespace

std::string to_text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Generation::Generation(ServedModel& model, TextOptions options, std::unique_ptr<const Wire> wire,
                       std::shared_ptr<Answer> answer)
    : model_(model),
      options_(std::move(options)),
      wire_(std::move(wire)),
      answer_(std::move(answer)),
      id_(new_id(wire_->id_prefix())),
      created_(std::time(nullptr)) {}

void Generation::start(const std::vector<std::vector<int32_t>>& prompts, const std::string& client) {
  {
    const std::lock_guard lock(mutex_);  // what the service has to tell waits until all texts are submitted
    const auto n = static_cast<size_t>(options_.n);
    n_left_ = prompts.size() * n;
    for (size_t index = 0; index < n_left_; ++index) choices_.push_back({.index = static_cast<int64_t>(index)});
    try {
      for (size_t index = 0; index < n_left_; ++index)
        numbers_.push_back(model_.service.submit(submission(index, prompts[index / n], client)));
    } catch (const Error&) {
      has_failed_ = true;
      for (const uint64_t number : numbers_) model_.service.cancel(number);
      throw;
    }
    if (options_.is_stream) {
      answer_->begin_stream("text/event-stream");
      for (const Choice& choice : choices_) write_chunk(wire_->begin(choice.index));
    }
  }
  answer_->on_gone([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->cancel();
  });
}

Submission Generation::submission(size_t index, std::vector<int32_t> prompt, const std::string& client) {
  const auto self = shared_from_this();
  Submission submission{.request = options_.request, .client = client};
  submission.request.prompt_ids = std::move(prompt);
  submission.request.sampling.seed += index % static_cast<size_t>(options_.n);
  submission.on_event = [self, index](const Event& event) { return self->take_event(index, event); };
  submission.on_end = [self, index](Result&& result) { self->take_end(index, result); };
  submission.on_error = [self](const Error& error) { self->take_error(error); };
  return submission;
}

bool Generation::take_event(size_t index, const Event& event) {
  const std::lock_guard lock(mutex_);
  if (has_failed_) return false;
  Choice& choice = choices_[index];
  Choice piece{.index = choice.index, .text = std::string(event.text)};
  if (!event.logprobs.empty()) piece.tokens.emplace_back(event.logprobs.begin(), event.logprobs.end());
  if (options_.is_stream) {
    write_chunk(wire_->piece(piece));
  } else {
    choice.text += piece.text;
    std::move(piece.tokens.begin(), piece.tokens.end(), std::back_inserter(choice.tokens));
  }
  return true;
}

void Generation::take_end(size_t index, const Result& result) {
  const std::lock_guard lock(mutex_);
  if (has_failed_) return;
  Choice& choice = choices_[index];
  choice.finish_reason = finish_reason_of(result.finish_reason);
  // The texts of one prompt share it: it counts once.
  if (index % static_cast<size_t>(options_.n) == 0) {
    usage_.prompt_tokens += result.usage.prompt_tokens;
    usage_.cached_tokens += result.usage.cached_tokens;
  }
  usage_.completion_tokens += result.usage.completion_tokens;
  if (options_.is_stream) write_chunk(wire_->end(choice));
  if (--n_left_ == 0) finish();
}

void Generation::take_error(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(has_failed_, true)) return;
  for (const uint64_t number : numbers_) model_.service.cancel(number);
  const ApiError api_error(error);
  if (!options_.is_stream) return answer_->send(api_error.response());
  answer_->write("data: " + api_error.body() + "\n\n");
  answer_->end_stream();
}

void Generation::cancel() {
  const std::lock_guard lock(mutex_);
  has_failed_ = true;
  for (const uint64_t number : numbers_) model_.service.cancel(number);
}

json Generation::envelope(const char* object) const {
  return {{"id", id_}, {"object", object}, {"created", created_}, {"model", model_.name}};
}

void Generation::write(const json& event) {
  answer_->write("data: " + to_text(event) + "\n\n");
}

void Generation::write_chunk(json choice) {
  if (choice.is_null()) return;
  json chunk = envelope(wire_->chunk_object());
  chunk["choices"] = json::array({std::move(choice)});
  if (options_.wants_usage) chunk["usage"] = nullptr;
  write(chunk);
}

void Generation::finish() {
  if (!options_.is_stream) {
    json whole = envelope(wire_->object());
    whole["choices"] = json::array();
    for (const Choice& choice : choices_) whole["choices"].push_back(wire_->whole(choice));
    whole["usage"] = to_json(usage_);
    return answer_->send({.body = to_text(whole)});
  }
  if (options_.wants_usage) {
    json chunk = envelope(wire_->chunk_object());
    chunk["choices"] = json::array();
    chunk["usage"] = to_json(usage_);
    write(chunk);
  }
  answer_->write("data: [DONE]\n\n");
  answer_->end_stream();
}

}  // namespace tidemill::serve
