#include "runtime/speculation.h"

#include <algorithm>
#include <bit>
#include <string>

#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr double kMemory = 32;        // guesses that a record remembers
constexpr double kWorthwhile = 1.05;  // times the speed without guesses: less is within what is measured
constexpr int64_t kRetryAfter = 32;   // passes without a guess that would have cost time

}  // namespace

size_t GuessRecord::class_of(int64_t evidence) {
  return std::min(kClasses, static_cast<size_t>(std::bit_width(static_cast<uint64_t>(evidence)))) - 1;
}

void GuessRecord::add(int64_t evidence, bool is_right) {
  Counts& counts = counts_[class_of(evidence)];
  counts.n += 1;
  counts.n_right += is_right ? 1 : 0;
  if (counts.n > kMemory) {
    counts.n_right *= kMemory / counts.n;
    counts.n = kMemory;
  }
}

double GuessRecord::probability(int64_t evidence) const {
  const Counts& counts = counts_[class_of(evidence)];
  return counts.n_right / counts.n;
}

// How many guesses give the most ids a second.  A guess rests on those before it being right: it has more evidence
// then.
int64_t Speculation::worth(int64_t evidence, int64_t most, PassLoad& load) const {
  double best_rate = kWorthwhile * load.rate_with(0, 0, 0), best_ids = 0;
  if (best_rate == 0) return 0;  // nothing is known yet: the plain pass that follows will tell
  int64_t best = 0;
  double chance = 1, n_ids = 0;
  for (int64_t n = 1; n <= most; ++n) {
    chance *= record_.probability(evidence + n - 1);
    n_ids += chance;
    const double rate = load.rate_with(n, n_ids, static_cast<double>(n) * drafter_->seconds_per_id());
    if (rate > best_rate) best_rate = rate, best = n, best_ids = n_ids;
  }
  load.add(best, best_ids);
  return best;
}

void Speculation::validate(int64_t wanted) {
  if (wanted < -1 || wanted > kMost)
    throw Error(ErrorCode::invalid_argument,
                "speculate: " + std::to_string(wanted) + " is outside -1 to " + std::to_string(kMost));
}

void Speculation::propose(std::vector<int32_t>& text, int64_t most, PassLoad& load) {
  guesses_.clear();
  n_fed_ = 0;
  n_verified_ = 0;
  if (wanted_ == 0 || most <= 0) return;
  evidence_ = drafter_->evidence(text);
  if (evidence_ == 0) return;
  most = std::min({most, kMost, wanted_ < 0 ? kMost : wanted_});
  const bool is_free = drafter_->seconds_per_id() == 0;
  int64_t n = wanted_ > 0 ? most : worth(evidence_, most, load);
  if (n == 0 && !is_free && ++n_unguessed_ >= kRetryAfter) n = 1;
  if (n == 0 && !is_free) return;
  n_unguessed_ = 0;
  const size_t first = text.size();
  drafter_->append_guess(text, std::max<int64_t>(n, 1));
  n = std::min(n, static_cast<int64_t>(text.size() - first));
  guesses_.assign(text.begin() + static_cast<std::ptrdiff_t>(first), text.end());
  text.resize(first + static_cast<size_t>(n));
  n_fed_ = n;
  n_proposed_ += n;
}

bool Speculation::verify(int32_t chosen) {
  if (n_verified_ == guesses_.size()) return false;
  const bool is_right = guesses_[n_verified_] == chosen;
  record_.add(evidence_ + static_cast<int64_t>(n_verified_), is_right);
  if (!is_right || static_cast<int64_t>(n_verified_) >= n_fed_) {
    guesses_.clear();
    n_verified_ = 0;
    return false;
  }
  ++n_verified_;
  ++n_right_;
  return true;
}

}  // namespace tidemill
