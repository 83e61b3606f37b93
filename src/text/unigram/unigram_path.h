// Viterbi's algorithm over a text from left to right: the best way to write it as tokens.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "text/unicode/code_points.h"
#include "text/unigram/unigram_tokens.h"

namespace tidemill {

// One token of a text.
struct UnigramSegment {
  uint32_t begin, end;
  int32_t id;
};

// The best ways to the places of a text that are not decided yet.  A place that no token crosses decides all before it,
// and so does one that all best ways to the undecided places have in common.  One per thread; buffers are reused.
template <typename Score>
class UnigramPath {
 public:
  // Writes [begin, end) of `text` and calls emit(segment) for each token, in order.  `sum` is that of all before, and
  // becomes that of all so far; bytes before `begin` and behind `end` play no part.
  template <typename Emit>
  void write(const UnigramTokens<Score>& tokens, std::string_view text, uint32_t begin, uint32_t end, Score& sum,
             Emit&& emit) {
    base_ = reach_ = begin;
    reserve(0);
    best_[0] = {sum, -1, kUnset};
    size_t long_stretch = kLongStretch;
    for (uint32_t pos = begin; pos < end;) {
      if (pos == reach_) {
        decide(pos, emit);
      } else if (pos - base_ >= long_stretch) {
        decide(common_place(pos), emit);
        long_stretch = std::max(kLongStretch, size_t{2} * (pos - base_));
      }
      pos = extend(tokens, text, pos, end);
    }
    decide(end, emit);
    sum = best_[0].score;
  }

 private:
  // An undecided stretch of so many bytes is searched for a decided part.
  static constexpr size_t kLongStretch = 4096;
  // sentencepiece begins to sum anew past this, lest single precision be too little for a long text.
  static constexpr float kLargeSum = 1e5f;
  static constexpr uint32_t kUnset = std::numeric_limits<uint32_t>::max();

  // The best way to write what lies before a place in the text; its last token is [from, place).
  struct Best {
    Score score;
    int32_t id;
    uint32_t from;
  };

  Best& best(uint32_t pos) { return best_[pos - base_]; }

  void reserve(size_t offset) {
    if (best_.size() <= offset) best_.resize(2 * offset + 64);
  }

  // Makes places up to `end` usable.
  void reach(uint32_t end) {
    if (end <= reach_) return;
    reserve(end - base_);
    while (reach_ < end) best(++reach_).from = kUnset;
  }

  // Tries all tokens that begin at `pos`; returns where the next character begins.
  uint32_t extend(const UnigramTokens<Score>& tokens, std::string_view text, uint32_t pos, uint32_t end) {
    const uint32_t next = std::min(end, pos + static_cast<uint32_t>(utf8_size(text[pos])));
    reach(next);
    if (UnigramTokens<Score>::kSentencePiece && std::abs(best(pos).score) > kLargeSum) subtract(best(pos).score, pos);
    const Score before = best(pos).score;
    bool has_single = false;
    UnigramTrie::Node node = UnigramTrie::kRoot;
    for (size_t after = pos; after < end && tokens.found.step(node, tokens.found.next_code(text, after));) {
      const int32_t id = tokens.found.id(node);
      if (id < 0) continue;
      const auto to = static_cast<uint32_t>(after);
      reach(to);
      offer(to, tokens.scores[id] + before, id, pos);
      has_single |= to == next;
    }
    if (!has_single && is_better(next, tokens.unknown_score + before)) {
      offer(next, tokens.unknown_score + before, tokens.unknown.id(text.substr(pos, next - pos)), pos);
    }
    return next;
  }

  bool is_better(uint32_t to, Score score) { return best(to).from == kUnset || score > best(to).score; }
  void offer(uint32_t to, Score score, int32_t id, uint32_t from) {
    if (is_better(to, score)) best(to) = {score, id, from};
  }

  // Makes the sums of all ways to `pos` and later smaller by the same.
  void subtract(Score sum, uint32_t pos) {
    for (uint32_t place = pos; place <= reach_; ++place) {
      if (best(place).from != kUnset || place == base_) best(place).score -= sum;
    }
  }

  // Emits the best way to `pos` and forgets what lies before it.
  template <typename Emit>
  void decide(uint32_t pos, Emit&& emit) {
    if (pos == base_) return;
    segments_.clear();
    for (uint32_t end = pos; end > base_;) {
      const Best& last = best(end);
      segments_.push_back({last.from, end, last.id});
      end = last.from;
    }
    for (size_t k = segments_.size(); k-- > 0;) emit(segments_[k]);
    std::copy(&best(pos), &best(reach_) + 1, best_.data());
    base_ = pos;
  }

  // The last place, base_ or later, that is on the best ways to all undecided places.
  uint32_t common_place(uint32_t pos) {
    marked_.assign(reach_ - base_ + 1, 0);
    size_t n_marked = 0;
    const auto mark = [&](uint32_t place) {
      n_marked += marked_[place - base_] == 0;
      marked_[place - base_] = 1;
    };
    for (uint32_t place = pos; place <= reach_; ++place) {
      if (best(place).from != kUnset) mark(place);
    }
    for (uint32_t place = reach_;; --place) {
      if (!marked_[place - base_]) continue;
      if (n_marked == 1) return place;
      --n_marked;
      mark(best(place).from);
    }
  }

  std::vector<Best> best_;                // from base_ on
  std::vector<UnigramSegment> segments_;  // of a decided stretch, backwards
  std::vector<uint8_t> marked_;
  uint32_t base_ = 0;   // all before it is decided and emitted
  uint32_t reach_ = 0;  // the last place that a token ends at
};

}  // namespace tidemill
