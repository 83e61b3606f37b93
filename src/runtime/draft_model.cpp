#include "runtime/draft_model.h"

#include <algorithm>

#include "runtime/speculation.h"
#include "tidemill/probability.h"
#include "tidemill/stopwatch.h"

namespace tidemill {
namespace {

// A model has read the whole text, so how long a match is says nothing: all its guesses are of one class.
constexpr int64_t kEvidence = 16;
constexpr double kNew = 0.1;                               // share of the latest measurement
constexpr int64_t kMostCaughtUp = 2 * Speculation::kMost;  // with more ids to read, the time says nothing of guesses

}  // namespace

DraftModel::DraftModel(Runner& runner, StatePool& states, int32_t n_ids)
    : runner_(runner), state_(states.acquire()), n_ids_(n_ids) {
  held_.reserve(static_cast<size_t>(state_->capacity()));
}

int64_t DraftModel::evidence(std::span<const int32_t> text) {
  if (std::ssize(text) + Speculation::kMost > state_->capacity()) return 0;
  const bool is_known = std::all_of(text.begin(), text.end(), [&](int32_t id) { return id < n_ids_; });
  return is_known ? kEvidence : 0;
}

void DraftModel::feed(std::span<const int32_t> ids) {
  const Feed feed{.state = state_.get(), .ids = ids};
  runner_.feed({&feed, 1}, [&](size_t, int64_t, std::span<const float> logits) {
    likely_ = arg_max(logits.first(static_cast<size_t>(n_ids_)));
  });
  held_.insert(held_.end(), ids.begin(), ids.end());
}

void DraftModel::append_guess(std::vector<int32_t>& text, int64_t n) {
  const Stopwatch stopwatch;
  // Its last id is read again if it must be, for what follows it.
  const auto differs = std::mismatch(held_.begin(), held_.end(), text.begin(), text.end() - 1);
  held_.resize(static_cast<size_t>(state_->truncate(differs.first - held_.begin())));
  if (!state_->can_become(std::ssize(text))) held_.resize(static_cast<size_t>(state_->truncate(0)));
  const int64_t n_unread = std::ssize(text) - std::ssize(held_);
  feed(std::span(text).subspan(held_.size()));
  for (int64_t index = 0; index < n && likely_ >= 0 && state_->can_become(state_->n_past() + 1); ++index) {
    if (index > 0) feed(std::span(text).last(1));
    if (likely_ >= 0) text.push_back(likely_);
  }
  if (n_unread > kMostCaughtUp) return;
  const double seconds = stopwatch.seconds() / static_cast<double>(n);
  seconds_per_id_ = seconds_per_id_ == 0 ? seconds : seconds_per_id_ + kNew * (seconds - seconds_per_id_);
}

}  // namespace tidemill
