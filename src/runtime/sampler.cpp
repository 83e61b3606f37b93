#include "runtime/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "tidemill/error.h"
#include "tidemill/probability.h"

namespace tidemill {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();

void expect_range(const char* name, double value, double low, double high) {
  if (value >= low && value <= high) return;  // NaN fails
  throw Error(ErrorCode::invalid_argument, std::string(name) + ": " + std::to_string(value) + " is outside " +
                                               std::to_string(low) + " to " + std::to_string(high));
}

}  // namespace

void validate(const SamplingOptions& options) {
  expect_range("temperature", options.temperature, 0, 100);
  expect_range("top_k", options.top_k, 0, std::numeric_limits<int32_t>::max());
  expect_range("top_p", options.top_p, 0, 1);
  expect_range("min_p", options.min_p, 0, 1);
  expect_range("repeat_penalty", options.repeat_penalty, 0.01, 100);
  expect_range("repeat_last_n", options.repeat_last_n, -1, std::numeric_limits<int32_t>::max());
  expect_range("frequency_penalty", options.frequency_penalty, -100, 100);
  expect_range("presence_penalty", options.presence_penalty, -100, 100);
  for (const auto& [id, bias] : options.logit_bias) expect_range("logit_bias", bias, -1e6, 1e6);
}

Sampler::Sampler(const SamplingOptions& options)
    : options_(options),
      penalises_(options.repeat_penalty != 1.0f || options.frequency_penalty != 0 || options.presence_penalty != 0),
      random_(options.seed) {
  validate(options);
}

void Sampler::accept(int32_t id) {
  if (!penalises_ || options_.repeat_last_n == 0) return;
  recent_.push_back(id);
  ++counts_[id];
  if (options_.repeat_last_n < 0 || static_cast<int32_t>(recent_.size()) <= options_.repeat_last_n) return;
  const auto oldest = counts_.find(recent_.front());
  if (--oldest->second == 0) counts_.erase(oldest);
  recent_.pop_front();
}

// True when scores are used as they come.
bool Sampler::is_plain() const {
  return options_.logit_bias.empty() && counts_.empty();
}

ScoreReach Sampler::reach() const {
  if (penalises_ || !options_.logit_bias.empty()) return {};  // they may bring scores up, or the greatest ones down
  if (is_greedy()) return {.below_best = 0, .top_k = 1};
  ScoreReach reach{.top_k = options_.top_k};
  // A little more than `collect` goes down, however the product is rounded there.
  if (options_.min_p > 0) reach.below_best = options_.temperature * -std::log(options_.min_p) * 1.00001f;
  return reach;
}

int32_t Sampler::sample(std::span<const float> logits) {
  if (!is_plain()) {
    adjusted_.assign(logits.begin(), logits.end());
    adjust(adjusted_);
    logits = adjusted_;
  }
  if (is_greedy()) {
    const int32_t best = arg_max(logits);
    if (best < 0) throw Error(ErrorCode::internal, "sampler: the model gave no score that is a number");
    return best;
  }
  collect(logits);
  return draw();
}

void Sampler::adjust(std::span<float> logits) const {
  for (const auto& [id, bias] : options_.logit_bias)
    if (id >= 0 && static_cast<size_t>(id) < logits.size()) logits[static_cast<size_t>(id)] += bias;
  for (const auto& [id, count] : counts_) {
    if (id < 0 || static_cast<size_t>(id) >= logits.size()) continue;
    float& logit = logits[static_cast<size_t>(id)];
    logit = logit > 0 ? logit / options_.repeat_penalty : logit * options_.repeat_penalty;
    logit -= static_cast<float>(count) * options_.frequency_penalty + options_.presence_penalty;
  }
}

// Fills candidates_ with what top_k and min_p leave, most likely first.
void Sampler::collect(std::span<const float> logits) {
  const int32_t best = arg_max(logits);
  const float greatest = best < 0 ? kLowest : logits[static_cast<size_t>(best)];
  // A probability is min_p of the greatest exactly when its score is temperature * ln(min_p) below.  Without min_p,
  // scores 40 temperatures below the best (e^-40) have no chance that a double could draw.
  const float reach = options_.min_p > 0 ? -std::log(options_.min_p) : 40.0f;
  const float floor = greatest - options_.temperature * reach;
  candidates_.clear();
  for (size_t id = 0; id < logits.size(); ++id)
    if (logits[id] >= floor && logits[id] > kLowest) candidates_.push_back({logits[id], static_cast<int32_t>(id)});
  if (candidates_.empty()) throw Error(ErrorCode::internal, "sampler: the model gave no score that is a number");
  const auto more_likely = [](const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  };
  const auto top_k = static_cast<size_t>(options_.top_k);
  if (top_k > 0 && top_k < candidates_.size()) {
    const auto middle = candidates_.begin() + static_cast<std::ptrdiff_t>(top_k);
    std::nth_element(candidates_.begin(), middle, candidates_.end(), more_likely);
    candidates_.resize(top_k);
  }
  std::sort(candidates_.begin(), candidates_.end(), more_likely);
}

// Cuts candidates_ by top_p and draws one by its probability.
int32_t Sampler::draw() {
  const double greatest = candidates_.front().logit;
  const auto weight = [&](const Candidate& c) { return std::exp((c.logit - greatest) / options_.temperature); };
  double total = 0;
  for (const Candidate& candidate : candidates_) total += weight(candidate);
  double kept = 0;
  size_t n_kept = 0;
  while (n_kept < candidates_.size()) {
    kept += weight(candidates_[n_kept++]);
    if (kept >= options_.top_p * total) break;
  }
  double left = random_.uniform() * kept;
  for (size_t index = 0; index + 1 < n_kept; ++index) {
    left -= weight(candidates_[index]);
    if (left < 0) return candidates_[index].id;
  }
  return candidates_[n_kept - 1].id;
}

}  // namespace tidemill
