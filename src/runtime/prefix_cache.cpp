#include "runtime/prefix_cache.h"

#include <algorithm>
#include <utility>

namespace tidemill {
namespace {

// How many ids of `prompt` a state that holds `sequence` saves.  A recurrent state serves as a whole or not at all.
int64_t n_shared(const Sequence& sequence, std::span<const int32_t> prompt) {
  const auto differs = std::mismatch(sequence.ids.begin(), sequence.ids.end(), prompt.begin(), prompt.end() - 1);
  const int64_t n = differs.first - sequence.ids.begin();
  return n < std::ssize(sequence.ids) && sequence.state->is_recurrent() ? 0 : n;
}

}  // namespace

Sequence PrefixCache::take(std::span<const int32_t> prompt, const std::string& owner, std::span<const Source> others) {
  const Sequence* best = nullptr;
  int64_t n_best = 0;
  const auto consider = [&](const Sequence& sequence, const std::string& its_owner) {
    if (its_owner != owner) return;
    const int64_t n = n_shared(sequence, prompt);
    if (n > n_best) n_best = n, best = &sequence;
  };
  for (const Kept& kept : kept_) consider(kept.sequence, kept.owner);
  for (const Source& other : others) consider(*other.sequence, *other.owner);

  const auto kept = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& k) { return &k.sequence == best; });
  if (kept != kept_.end()) {
    if (n_best == std::ssize(best->ids)) {  // the text goes on: nobody else would go on from where it ended
      Sequence whole = std::move(kept->sequence);
      kept_.erase(kept);
      return whole;
    }
    kept_.splice(kept_.begin(), kept_, kept);
  }
  Sequence sequence{.state = pool_.acquire(), .ids = {}};
  if (best != nullptr) {
    sequence.state->share(*best->state, n_best);
    sequence.ids.assign(prompt.begin(), prompt.begin() + n_best);
  }
  return sequence;
}

void PrefixCache::keep(Sequence sequence, const std::string& owner) {
  if (sequence.ids.empty()) return;
  // A text that the new one goes on from is never the best match again, but where states cannot go back.
  const bool is_recurrent = sequence.state->is_recurrent();
  std::erase_if(kept_, [&](const Kept& kept) {
    const auto& ids = kept.sequence.ids;
    if (kept.owner != owner || ids.size() > sequence.ids.size()) return false;
    if (is_recurrent && ids.size() < sequence.ids.size()) return false;
    return std::equal(ids.begin(), ids.end(), sequence.ids.begin());
  });
  kept_.push_front({.sequence = std::move(sequence), .owner = owner});
  if (std::ssize(kept_) > max_kept_) kept_.pop_back();
}

}  // namespace tidemill
