#include "runtime/guide.h"

#include <algorithm>

#include "tidemill/error.h"

namespace tidemill {

Guide::Guide(const Grammar& grammar, bool ends) : grammar_(grammar), ends_(ends), state_(grammar.impl()->start()) {}

bool Guide::is_allowed(int32_t id) {
  const auto stop_ids = grammar_.impl()->vocabulary().stop_ids();
  if (std::find(stop_ids.begin(), stop_ids.end(), id) == stop_ids.end()) return grammar_.impl()->allows(state_, id);
  return ends_ && grammar_.impl()->may_end(state_);
}

int32_t Guide::choose(Sampler& sampler, std::span<const float> logits) {
  // The best of all is the best of those allowed when it is one of them, which it mostly is.
  if (sampler.is_greedy())
    if (const int32_t best = sampler.sample(logits); is_allowed(best)) return best;
  grammar_.impl()->mask(state_)->apply(logits, ends_, masked_);
  const int32_t id = sampler.sample(masked_);
  if (!is_allowed(id))
    throw Error(ErrorCode::internal, "grammar: the model's vocabulary has no token that may follow here");
  return id;
}

void Guide::accept(int32_t id) {
  grammar_.impl()->accept(state_, id);
}

bool Guide::must_end() {
  return grammar_.impl()->must_end(state_);
}

}  // namespace tidemill
