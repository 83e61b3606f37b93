// Continuation: what becomes of one request's scores: the next id, its text, and when the text ends.  Knows neither the
// model nor its states, so a lone session and a scheduler of many requests cannot differ in it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/sampler.h"
#include "runtime/stop_matcher.h"
#include "tidemill/engine.h"
#include "tidemill/stopwatch.h"

namespace tidemill {

class Continuation {
 public:
  // `request` outlives this object.  `tokenizer` may be null: then there are ids, but no text.  `prompt` and what
  // follows it have `context_length` positions.  The first token's time counts from `since_call`.  Throws
  // invalid_argument for sampling options out of range.
  Continuation(const Request& request, std::shared_ptr<const Tokenizer> tokenizer, std::span<const int32_t> prompt,
               int64_t context_length, const Stopwatch& since_call);

  // Chooses the next id by the scores that follow the last one and tells `sink`, which may be null.  True when another
  // is to follow; when not, the continuation has ended.
  bool advance(std::span<const float> logits, const EventSink& sink);
  // Ends it: text that was held back goes to `sink`.
  void end(FinishReason reason, const EventSink& sink);

  int32_t last_id() const { return result_.ids.back(); }
  // Usage and timings of the prompt are for the caller to fill in.
  Result& result() { return result_; }

 private:
  bool is_stop_id(int32_t id) const;
  std::string text_of(int32_t id);
  void find_logprobs(int32_t id, std::span<const float> logits);
  std::optional<FinishReason> why_to_end(bool is_wanted) const;

  const Request& request_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  int64_t n_free_;  // positions behind the prompt
  Sampler sampler_;
  StopMatcher matcher_;
  std::optional<StreamDecoder> decoder_;
  Stopwatch since_call_, since_first_;
  Result result_;
  std::vector<TokenLogprob> logprobs_;  // of the last id, as Event has them
};

}  // namespace tidemill
