// Continuation: what becomes of one request's scores: the next id, its text, and when the text ends.  Knows neither the
// model nor its states, so a lone session and a scheduler of many requests cannot differ in it.
//
//   propose  the chosen id and guesses of what follows it: the rows of a pass
//   choose   once for each row, while the pass hands out scores, as long as the guesses are right
//   tell     after the pass: text and events; says how many of the rows stay
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/guide.h"
#include "runtime/logprobs.h"
#include "runtime/prompt_lookup.h"
#include "runtime/sampler.h"
#include "runtime/speculation.h"
#include "runtime/stop_matcher.h"
#include "tidemill/engine.h"
#include "tidemill/stopwatch.h"

namespace tidemill {

class Continuation {
 public:
  // `request` outlives this object.  `tokenizer` may be null: then there are ids, but no text.  `prompt` and what
  // follows it have `context_length` positions.  The first token's time counts from `since_call`.  `drafter`, which
  // outlives this object, guesses; null: by looking in the text itself.  Throws invalid_argument for options out of
  // range.
  Continuation(const Request& request, std::shared_ptr<const Tokenizer> tokenizer, std::span<const int32_t> prompt,
               int64_t context_length, const Stopwatch& since_call, Drafter* drafter = nullptr);
  Continuation(const Continuation&) = delete;  // it points into itself
  Continuation& operator=(const Continuation&) = delete;

  // Whether the scores of the prompt's ids are still wanted; then each goes to `score_prompt`, but for the first, which
  // follows nothing: `logits` are the scores that the id before it left.
  bool wants_prompt_scores() const { return request_.on_prompt_logprobs != nullptr && !has_told_prompt_; }
  void score_prompt(int32_t id, std::span<const float> logits) { prompt_logprobs_.add(id, logits); }

  // Appends the last id to `text`, the prompt and all ids before it, and up to `n_more` guesses of what follows.
  void propose(std::vector<int32_t>& text, int64_t n_more, PassLoad& load);
  // The scores that `choose` needs next.
  ScoreReach reach() const;
  // Chooses the next id by the scores that follow the next of the ids that were proposed last, or the prompt; false
  // when the scores after further ones are of no use.  Calls nobody back.
  bool choose(std::span<const float> logits);
  // Tells `sink`, which may be null, of what was chosen since.  True when more is to follow; when not, the
  // continuation has ended.
  bool tell(const EventSink& sink);
  // How many of the ids proposed last are the text's.
  int64_t n_kept() const { return n_told_; }
  // Ends it: text that was held back goes to `sink`.
  void end(FinishReason reason, const EventSink& sink);

  // Usage and timings of the prompt are for the caller to fill in.
  Result& result() { return result_; }

 private:
  bool is_stop_id(int32_t id) const;
  std::string text_of(int32_t id);
  bool is_end(int32_t id) const { return !request_.ignore_eos && is_stop_id(id); }
  void tell_prompt();
  std::optional<FinishReason> take(size_t index, const EventSink& sink);
  std::optional<FinishReason> why_to_end(bool is_wanted) const;

  const Request& request_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  int64_t n_free_;  // positions behind the prompt
  Sampler sampler_;
  std::optional<Guide> guide_;  // when the request has a grammar; as far as the last id that was chosen
  StopMatcher matcher_;
  std::optional<StreamDecoder> decoder_;
  Stopwatch since_call_, since_first_;
  Result result_;
  PromptLookup lookup_;
  Speculation speculation_;
  // Of the pass: ids chosen, one for each right row, and their log-probabilities when they are wanted.
  std::vector<int32_t> chosen_;
  Logprobs logprobs_;
  Logprobs prompt_logprobs_;
  bool has_told_prompt_ = false;
  int64_t n_told_ = 0;
};

}  // namespace tidemill
