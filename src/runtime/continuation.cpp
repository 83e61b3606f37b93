#include "runtime/continuation.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <string>
#include <utility>

#include "tidemill/probability.h"

namespace tidemill {

Continuation::Continuation(const Request& request, std::shared_ptr<const Tokenizer> tokenizer,
                           std::span<const int32_t> prompt, int64_t context_length, const Stopwatch& since_call)
    : request_(request),
      tokenizer_(std::move(tokenizer)),
      n_free_(context_length - std::ssize(prompt)),
      sampler_(request.sampling),
      matcher_(request.stop),
      since_call_(since_call) {
  if (tokenizer_) decoder_.emplace(tokenizer_);
  if (request.sampling.penalise_prompt)
    for (const int32_t id : prompt) sampler_.accept(id);
  result_.usage.prompt_tokens = std::ssize(prompt);
}

bool Continuation::is_stop_id(int32_t id) const {
  if (!tokenizer_) return false;
  const auto stop_ids = tokenizer_->stop_ids();
  return std::find(stop_ids.begin(), stop_ids.end(), id) != stop_ids.end();
}

// What becomes certain with the id.
std::string Continuation::text_of(int32_t id) {
  if (!decoder_) return {};
  const auto& spoken = request_.spoken_ids;
  if (std::find(spoken.begin(), spoken.end(), id) == spoken.end()) return decoder_->push(id);
  return decoder_->finish() + std::string(tokenizer_->token_bytes(id, /*skip_special_tokens=*/false));
}

// Why no id may follow those that there are.  The last of them needs a position before another can follow.
std::optional<FinishReason> Continuation::why_to_end(bool is_wanted) const {
  const int64_t n_ids = std::ssize(result_.ids);
  if (matcher_.stopped()) return FinishReason::stop;
  if (!is_wanted || (request_.cancelled && request_.cancelled())) return FinishReason::cancelled;
  if (request_.max_tokens >= 0 && n_ids >= request_.max_tokens) return FinishReason::length;
  if (n_ids > n_free_) return FinishReason::context_full;
  return std::nullopt;
}

void Continuation::find_logprobs(int32_t id, std::span<const float> logits) {
  const double total = log_sum_exp(logits);
  const auto with_logprob = [&](int32_t token) {
    return TokenLogprob{token, static_cast<float>(logits[static_cast<size_t>(token)] - total)};
  };
  std::vector<int32_t> likely(logits.size());
  std::iota(likely.begin(), likely.end(), 0);
  const auto n = std::min(static_cast<size_t>(request_.n_logprobs), likely.size());
  const auto end = likely.begin() + static_cast<std::ptrdiff_t>(n);
  const auto score = [&](int32_t token) {  // what is not a number comes last
    const float logit = logits[static_cast<size_t>(token)];
    return std::isnan(logit) ? -HUGE_VALF : logit;
  };
  std::partial_sort(likely.begin(), end, likely.end(),
                    [&](int32_t a, int32_t b) { return score(a) > score(b) || (score(a) == score(b) && a < b); });
  logprobs_.assign({with_logprob(id)});
  std::transform(likely.begin(), end, std::back_inserter(logprobs_), with_logprob);
}

bool Continuation::advance(std::span<const float> logits, const EventSink& sink) {
  const int32_t id = sampler_.sample(logits);
  if (result_.ids.empty()) {
    result_.timings.ttft_ms = since_call_.milliseconds();
    since_first_ = Stopwatch();
  }
  if (!request_.ignore_eos && is_stop_id(id)) {
    end(FinishReason::stop, sink);
    return false;
  }
  result_.ids.push_back(id);
  sampler_.accept(id);
  const std::string text = matcher_.push(text_of(id));
  result_.text += text;
  if (request_.n_logprobs >= 0) find_logprobs(id, logits);
  const bool is_wanted = !sink || sink({.id = id, .text = text, .logprobs = logprobs_});
  const auto reason = why_to_end(is_wanted);
  if (reason) end(*reason, sink);
  return !reason;
}

void Continuation::end(FinishReason reason, const EventSink& sink) {
  result_.finish_reason = reason;
  result_.usage.completion_tokens = std::ssize(result_.ids);
  if (result_.ids.size() > 1)
    result_.timings.decode_tok_s = static_cast<double>(result_.ids.size() - 1) / since_first_.seconds();
  const std::string rest = (decoder_ ? matcher_.push(decoder_->finish()) : std::string()) + matcher_.finish();
  result_.text += rest;
  if (sink && !rest.empty()) sink({.id = -1, .text = rest});
}

}  // namespace tidemill
