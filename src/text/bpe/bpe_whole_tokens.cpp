#include "text/bpe/bpe_whole_tokens.h"

#include <algorithm>

namespace tidemill {
namespace {

class WholeTokens {
 public:
  WholeTokens(size_t vocab_size, std::span<const uint32_t> symbols, const BpePairs& pairs)
      : pairs_(pairs), made_(vocab_size, Made{kUnproven, 0, 0}) {
    for (const uint32_t id : symbols) made_[id].time = 0;
  }

  // The rules come by rank, so that the parts of a token are proven before it.
  void try_rule(const BpePairs::Rule& rule);
  bool is_proven(size_t id) const { return made_[id].time != kUnproven; }

 private:
  static constexpr uint32_t kUnproven = 0xFFFFFFFFu;
  // When and of what a token is made within its own bytes: the number of the merge plus one; 0 for symbols.
  struct Made {
    uint32_t time, left, right;
  };

  bool is_crossed(uint32_t left, uint32_t right) const;

  const BpePairs& pairs_;
  std::vector<Made> made_;
};

void WholeTokens::try_rule(const BpePairs::Rule& rule) {
  Made& made = made_[rule.id];
  if (made.time != kUnproven) return;
  const uint32_t merge = pairs_.find(rule.left, rule.right);
  if (pairs_.id(merge) != rule.id) return;  // a later rule for the pair counts
  const uint32_t time = merge + 1;
  if (made_[rule.left].time >= time || made_[rule.right].time >= time || is_crossed(rule.left, rule.right)) return;
  made = {time, rule.left, rule.right};
}

// True when something merges across the border while the two tokens grow.  Goes back in time: at each moment the border
// lies between a token of the right edge of the left one's tree of merges and one of the left edge of the right one's.
bool WholeTokens::is_crossed(uint32_t left, uint32_t right) const {
  while (true) {
    const Made& a = made_[left];
    const Made& b = made_[right];
    if (a.time == 0 && b.time == 0) return false;
    // What was made last goes; of equal merges the left one was first.
    const bool left_goes = a.time > b.time;
    const uint32_t end = left_goes ? a.time : b.time;
    left = left_goes ? a.right : left;
    right = left_goes ? right : b.left;
    const uint32_t merge = pairs_.find(left, right);
    if (merge == BpePairs::kNone) continue;
    if (merge + 1 < end || (merge + 1 == end && !left_goes)) return true;
  }
}

}  // namespace

std::vector<bool> find_whole_tokens(size_t vocab_size, std::span<const uint32_t> symbols,
                                    std::span<const BpePairs::Rule> rules, const BpePairs& pairs) {
  std::vector<bool> whole(vocab_size);
  if (symbols.empty()) return whole;
  WholeTokens tokens(vocab_size, symbols, pairs);
  const auto earlier = [](const BpePairs::Rule& a, const BpePairs::Rule& b) { return a.rank < b.rank; };
  std::vector<BpePairs::Rule> sorted;
  if (!std::is_sorted(rules.begin(), rules.end(), earlier)) {
    sorted.assign(rules.begin(), rules.end());
    std::stable_sort(sorted.begin(), sorted.end(), earlier);
    rules = sorted;
  }
  for (const BpePairs::Rule& rule : rules) tokens.try_rule(rule);
  for (size_t id = 0; id < vocab_size; ++id) whole[id] = tokens.is_proven(id);
  return whole;
}

}  // namespace tidemill
