#include "serve/generation.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>

#include "serve/api_error.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

const char* finish_reason_of(FinishReason reason) {
  return reason == FinishReason::length || reason == FinishReason::context_full ? "length" : "stop";
}

}  // namespace

std::string to_text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Generation::Generation(ServedModel& model, TextOptions options, std::unique_ptr<Wire> wire,
                       std::shared_ptr<Answer> answer, ToolOptions tools)
    : model_(model),
      options_(std::move(options)),
      tools_(std::move(tools)),
      answer_(std::move(answer)),
      wire_(std::move(wire)) {
  options_.request.spoken_ids = tools_.spoken_ids(model_.engine.tokenizer());
  if (tools_.grammar) options_.request.grammar = tools_.grammar;
}

void Generation::start(const std::vector<std::vector<int32_t>>& prompts, const std::string& client,
                       const std::vector<std::string>& echoes) {
  {
    const std::lock_guard lock(mutex_);  // what the service has to tell waits until all texts are submitted
    const auto n = static_cast<size_t>(options_.n);
    const bool is_echo = !echoes.empty(), is_scored = options_.request.n_logprobs >= 0;
    n_left_ = prompts.size() * n;
    for (size_t index = 0; index < n_left_; ++index)
      texts_.push_back({.choice = {.index = static_cast<int64_t>(index)}, .parser = tools_.make_parser()});
    try {
      for (size_t index = 0; index < n_left_; ++index) {
        Submission text = submission(index, prompts[index / n], client);
        if (is_echo && is_scored) echo_scored(text, index, echoes[index / n]);
        numbers_.push_back(model_.submit(std::move(text)));
      }
    } catch (const Error&) {
      has_failed_ = true;
      for (const uint64_t number : numbers_) model_.service->cancel(number);
      throw;
    }
    if (options_.is_stream) {
      answer_->begin_stream("text/event-stream");
      write(wire_->begin(texts_.size()));
    }
    if (is_echo && !is_scored)
      for (size_t index = 0; index < texts_.size(); ++index) take_prompt(index, echoes[index / n], {});
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

// The prompt is repeated when the log-probabilities of its tokens are there.
void Generation::echo_scored(Submission& submission, size_t index, const std::string& echo) {
  const TokenNote first = {{submission.request.prompt_ids.front(), NAN}};  // follows nothing: it has none
  const auto n_each = static_cast<size_t>(submission.request.n_logprobs) + 1;
  submission.request.on_prompt_logprobs = [self = shared_from_this(), index, echo, first,
                                           n_each](std::span<const TokenLogprob> logprobs) {
    std::vector<TokenNote> tokens = {first};
    for (; !logprobs.empty(); logprobs = logprobs.subspan(std::min(n_each, logprobs.size()))) {
      const auto note = logprobs.first(std::min(n_each, logprobs.size()));
      tokens.emplace_back(note.begin(), note.end());
    }
    const std::lock_guard lock(self->mutex_);
    if (!self->has_failed_) self->take_prompt(index, echo, std::move(tokens));
  };
}

void Generation::take_prompt(size_t index, const std::string& echo, std::vector<TokenNote> tokens) {
  Choice& choice = texts_[index].choice;
  take_piece(choice, {.index = choice.index, .text = echo, .tokens = std::move(tokens)});
}

bool Generation::take_event(size_t index, const Event& event) {
  const std::lock_guard lock(mutex_);
  if (has_failed_) return false;
  Text& text = texts_[index];
  std::vector<TokenNote> tokens;
  if (!event.logprobs.empty()) tokens.emplace_back(event.logprobs.begin(), event.logprobs.end());
  std::vector<Part> parts;
  if (text.parser)
    text.parser->feed(event.text, parts);
  else
    parts.push_back({Part::Kind::text, std::string(event.text)});
  return take_parts(text, parts, std::move(tokens));
}

// False when nothing that could follow is wanted: a second call where calls are not to be made at once.
bool Generation::take_parts(Text& text, const std::vector<Part>& parts, std::vector<TokenNote> tokens) {
  Choice& choice = text.choice;
  Piece piece{.index = choice.index, .tokens = std::move(tokens)};
  for (const Part& part : parts) {
    if (part.kind == Part::Kind::text) {
      piece.text += part.text;
    } else if (part.kind == Part::Kind::arguments) {
      piece.calls.push_back({.index = choice.calls.size() - 1, .arguments = part.text});
    } else if (!choice.calls.empty() && !tools_.is_parallel) {
      take_piece(choice, std::move(piece));
      text.parser.reset();
      return false;
    } else {
      choice.calls.push_back({.id = tools_.new_id(), .name = part.text});
      piece.calls.push_back({choice.calls.size() - 1, choice.calls.back().id, part.text});
    }
  }
  take_piece(choice, std::move(piece));
  return true;
}

void Generation::take_piece(Choice& choice, Piece piece) {
  for (const CallDelta& delta : piece.calls) choice.calls[delta.index].arguments += delta.arguments;
  choice.text += piece.text;
  if (options_.is_stream) return write(wire_->piece(piece));
  std::move(piece.tokens.begin(), piece.tokens.end(), std::back_inserter(choice.tokens));
}

void Generation::take_end(size_t index, const Result& result) {
  const std::lock_guard lock(mutex_);
  if (has_failed_) return;
  Text& text = texts_[index];
  if (text.parser) {
    std::vector<Part> parts;
    text.parser->finish(parts);
    take_parts(text, parts, {});
  }
  Choice& choice = text.choice;
  choice.finish_reason = finish_reason_of(result.finish_reason);
  choice.stop = result.stop;
  if (!choice.calls.empty() && std::string_view(choice.finish_reason) == "stop") choice.finish_reason = "tool_calls";
  // The texts of one prompt share it: it counts once.
  if (index % static_cast<size_t>(options_.n) == 0) {
    usage_.prompt_tokens += result.usage.prompt_tokens;
    usage_.cached_tokens += result.usage.cached_tokens;
  }
  usage_.completion_tokens += result.usage.completion_tokens;
  if (options_.is_stream) write(wire_->end(choice));
  if (--n_left_ == 0) finish();
}

void Generation::take_error(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(has_failed_, true)) return;
  for (const uint64_t number : numbers_) model_.service->cancel(number);
  const ApiError api_error(error);
  if (!options_.is_stream) {
    HttpResponse response = api_error.response();
    response.body = wire_->failure_body(api_error);
    return answer_->send(std::move(response));
  }
  write(wire_->failure(api_error));
  answer_->end_stream();
}

void Generation::cancel() {
  const std::lock_guard lock(mutex_);
  has_failed_ = true;
  for (const uint64_t number : numbers_) model_.service->cancel(number);
}

void Generation::write(std::string events) {
  if (!events.empty()) answer_->write(std::move(events));
}

void Generation::finish() {
  std::vector<Choice> choices;
  for (Text& text : texts_) choices.push_back(std::move(text.choice));
  if (!options_.is_stream) return answer_->send({.body = to_text(wire_->whole(choices, usage_))});
  write(wire_->finish(choices, usage_));
  answer_->end_stream();
}

}  // namespace tidemill::serve
