#include "runtime/continuation.h"

#include <algorithm>
#include <string>
#include <utility>

namespace tidemill {
namespace {

constexpr int64_t kReservedIds = 1 << 16;

}  // namespace

Continuation::Continuation(const Request& request, std::shared_ptr<const Tokenizer> tokenizer,
                           std::span<const int32_t> prompt, int64_t context_length, const Stopwatch& since_call,
                           Drafter* drafter)
    : request_(request),
      tokenizer_(std::move(tokenizer)),
      n_free_(context_length - std::ssize(prompt)),
      sampler_(request.sampling),
      matcher_(request.stop),
      since_call_(since_call),
      speculation_(request.speculate, drafter != nullptr ? *drafter : lookup_),
      logprobs_(static_cast<size_t>(std::max(0, request.n_logprobs))),
      prompt_logprobs_(logprobs_) {
  Speculation::validate(request.speculate);
  if (tokenizer_) decoder_.emplace(tokenizer_);
  if (request.grammar) guide_.emplace(*request.grammar, !request.ignore_eos);
  // So that a token allocates nothing, unless the text is very long.
  chosen_.reserve(Speculation::kMost + 1);
  const int64_t n_most = request.max_tokens < 0 ? n_free_ + 1 : std::min(request.max_tokens, n_free_ + 1);
  result_.ids.reserve(static_cast<size_t>(std::clamp<int64_t>(n_most, 0, kReservedIds)));
  if (request.sampling.penalise_prompt)
    for (const int32_t id : prompt) sampler_.accept(id);
  result_.usage.prompt_tokens = std::ssize(prompt);
}

bool Continuation::is_stop_id(int32_t id) const {
  if (!tokenizer_) return false;
  const auto stop_ids = tokenizer_->stop_ids();
  return std::find(stop_ids.begin(), stop_ids.end(), id) != stop_ids.end();
}

// What becomes certain with the id; nothing with one that has no token.
std::string Continuation::text_of(int32_t id) {
  if (!decoder_ || id >= tokenizer_->vocab_size()) return {};
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

void Continuation::tell_prompt() {
  if (!wants_prompt_scores()) return;
  has_told_prompt_ = true;
  request_.on_prompt_logprobs(prompt_logprobs_.all());
  prompt_logprobs_ = Logprobs(0);
}

void Continuation::propose(std::vector<int32_t>& text, int64_t n_more, PassLoad& load) {
  chosen_.clear();
  logprobs_.clear();
  text.push_back(result_.ids.back());
  // What would follow a text's greatest length is of no use; its last id is never fed.
  const int64_t n_ids = std::ssize(result_.ids);
  n_more = std::min(n_more, n_free_ - n_ids);
  if (request_.max_tokens >= 0) n_more = std::min(n_more, request_.max_tokens - n_ids - 1);
  speculation_.propose(text, n_more, load);
}

ScoreReach Continuation::reach() const {
  return guide_ || request_.n_logprobs >= 0 || wants_prompt_scores() ? ScoreReach() : sampler_.reach();
}

bool Continuation::choose(std::span<const float> logits) {
  const int32_t id = guide_ ? guide_->choose(sampler_, logits) : sampler_.sample(logits);
  if (result_.ids.empty() && chosen_.empty()) {
    result_.timings.ttft_ms = since_call_.milliseconds();
    since_first_ = Stopwatch();
  }
  chosen_.push_back(id);
  if (is_end(id)) return false;
  sampler_.accept(id);
  if (guide_) guide_->accept(id);
  if (request_.n_logprobs >= 0) logprobs_.add(id, logits);
  return speculation_.verify(id) && !(guide_ && guide_->must_end());
}

bool Continuation::tell(const EventSink& sink) {
  tell_prompt();
  result_.usage.draft_tokens = speculation_.n_proposed();
  result_.usage.accepted_tokens = speculation_.n_right();
  std::optional<FinishReason> reason;
  for (n_told_ = 0; n_told_ < std::ssize(chosen_) && !reason; ++n_told_)
    reason = take(static_cast<size_t>(n_told_), sink);
  if (reason) end(*reason, sink);
  return !reason;
}

// One of the chosen ids becomes the text's.  Says why no other may follow.
std::optional<FinishReason> Continuation::take(size_t index, const EventSink& sink) {
  const int32_t id = chosen_[index];
  if (is_end(id)) return FinishReason::stop;
  result_.ids.push_back(id);
  const std::string text = matcher_.push(text_of(id));
  result_.text += text;
  const bool is_wanted = !sink || sink({.id = id, .text = text, .logprobs = logprobs_.of(index)});
  if (guide_ && index + 1 == chosen_.size() && guide_->must_end()) return FinishReason::stop;
  return why_to_end(is_wanted);
}

void Continuation::end(FinishReason reason, const EventSink& sink) {
  if (reason != FinishReason::cancelled) tell_prompt();  // when no token is wanted, nothing else tells of it
  result_.finish_reason = reason;
  result_.stop = matcher_.found();
  result_.usage.completion_tokens = std::ssize(result_.ids);
  if (result_.ids.size() > 1)
    result_.timings.decode_tok_s = static_cast<double>(result_.ids.size() - 1) / since_first_.seconds();
  const std::string rest = (decoder_ ? matcher_.push(decoder_->finish()) : std::string()) + matcher_.finish();
  result_.text += rest;
  if (sink && !rest.empty()) sink({.id = -1, .text = rest});
}

}  // namespace tidemill
