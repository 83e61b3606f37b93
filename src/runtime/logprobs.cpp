#include "runtime/logprobs.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "tidemill/probability.h"

namespace tidemill {

void Logprobs::add(int32_t id, std::span<const float> logits) {
  const double total = log_sum_exp(logits);
  const auto with_logprob = [&](int32_t token) {
    return TokenLogprob{token, static_cast<float>(logits[static_cast<size_t>(token)] - total)};
  };
  notes_.push_back(with_logprob(id));
  const size_t n = std::min(n_likely_, logits.size());
  n_each_ = n + 1;
  if (n == 0) return;
  ranked_.resize(logits.size());
  std::iota(ranked_.begin(), ranked_.end(), 0);
  const auto end = ranked_.begin() + static_cast<std::ptrdiff_t>(n);
  const auto score = [&](int32_t token) {  // what is not a number comes last
    const float logit = logits[static_cast<size_t>(token)];
    return std::isnan(logit) ? -HUGE_VALF : logit;
  };
  std::partial_sort(ranked_.begin(), end, ranked_.end(),
                    [&](int32_t a, int32_t b) { return score(a) > score(b) || (score(a) == score(b) && a < b); });
  std::transform(ranked_.begin(), end, std::back_inserter(notes_), with_logprob);
}

std::span<const TokenLogprob> Logprobs::of(size_t index) const {
  if (notes_.size() < (index + 1) * n_each_) return {};
  return std::span(notes_).subspan(index * n_each_, n_each_);
}

}  // namespace tidemill
