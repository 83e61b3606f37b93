#include "text/unigram/unigram_words.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "text/unicode/code_points.h"

namespace tidemill {
namespace {

constexpr double kLargestKept = PieceIds::kIdLimit - 2;
// sentencepiece begins to sum anew past this (text/unigram/unigram_path.h), with other rounding from then on.
constexpr double kSumsAnew = 1e5;
// Covers the rounding of the leads themselves, in double precision and below a million.
constexpr double kLeadError = 1e-6;
constexpr uint32_t kUnset = std::numeric_limits<uint32_t>::max();

}  // namespace

template <typename Score>
UnigramWords<Score>::UnigramWords() {
  // No word is known beforehand.
  std::iota(block_.unknown.begin(), block_.unknown.end(), uint16_t{0});
}

template <typename Score>
void UnigramWords<Score>::find(const UnigramTokens<Score>& tokens, std::string_view text,
                               std::span<const ByteRange> words) {
  not_kept_.clear();
  cache_.pin();
  fill_keys(text, words, block_);
  block_.n_unknown = words.size();
  const size_t n_missing = cache_.find_quickly(block_, found_, missing_);
  n_hits_ += static_cast<int64_t>(words.size() - n_missing);
  for (size_t n = 0; n < n_missing; ++n) {
    const ByteRange word = words[missing_[n]];
    find_missing(tokens, text.substr(word.begin, word.end - word.begin), missing_[n]);
  }
}

template <typename Score>
void UnigramWords<Score>::find_missing(const UnigramTokens<Score>& tokens, std::string_view word, size_t k) {
  PieceCache::Value& found = found_[k];
  const PieceKey& key = block_.keys[k];
  const uint64_t hash = block_.hashes[k];
  const bool too_long = word.size() > kLongestWord;
  if (!too_long && (key.empty() ? cache_.find_long(word, hash, found) : cache_.find(key, hash, found))) {
    ++n_hits_;
    return;
  }
  ++n_misses_;
  packed_.assign(1, 0);
  if (!too_long) {
    study(tokens, word);
    if (cache_.add(word, key, hash, packed_, found)) return;
  }
  found.n_ids = PieceIds::kUncached;
  found.ids.words = {static_cast<uint32_t>(not_kept_.size()), static_cast<uint32_t>(packed_.size())};
  not_kept_.insert(not_kept_.end(), packed_.begin(), packed_.end());
}

template <typename Score>
typename UnigramWords<Score>::Word UnigramWords<Score>::word(size_t k) const {
  const PieceCache::Value& found = found_[k];
  std::span<const int32_t> all;
  if (found.n_ids <= PieceIds::kInline) {
    // Ids are below 2^24, and so the same as numbers with a sign.
    all = {reinterpret_cast<const int32_t*>(found.ids.words.data()), found.n_ids};
  } else if (found.n_ids == PieceIds::kCached) {
    all = cache_.cached(found.ids);
  } else {
    all = std::span(not_kept_).subspan(found.ids.words[0], found.ids.words[1]);
  }
  return {all[0] - 1.0, all.subspan(1)};
}

template <typename Score>
void UnigramWords<Score>::offer(uint32_t to, double score, int32_t id, uint32_t from) {
  Best& target = best_[to];
  if (target.from == kUnset || score > target.score) {
    target = {score, target.from == kUnset ? -std::numeric_limits<double>::infinity() : target.score, id, from};
  } else {
    target.second = std::max(target.second, score);
  }
}

// Puts how the word is written into packed_, where a 0 stands.
template <typename Score>
void UnigramWords<Score>::study(const UnigramTokens<Score>& tokens, std::string_view word) {
  const auto size = static_cast<uint32_t>(word.size());
  best_.assign(size + 1, {0, 0, -1, kUnset});
  double largest = 0;  // of all sums
  size_t n_characters = 0;
  for (uint32_t pos = 0, next; pos < size; pos = next, ++n_characters) {
    next = pos + static_cast<uint32_t>(utf8_size(word[pos]));
    const double before = best_[pos].score;
    bool has_single = false;
    ByteTrie::Node node = ByteTrie::kRoot;
    for (uint32_t to = pos; to < size && tokens.trie.step(node, static_cast<uint8_t>(word[to]));) {
      const int32_t id = tokens.trie.value(node);
      ++to;
      if (id < 0) continue;
      offer(to, before + tokens.scores[id], id, pos);
      largest = std::max(largest, std::abs(before + tokens.scores[id]));
      has_single |= to == next;
      // Its length would not be known again.
      if (id == tokens.unknown.id_or_none() && to != next) return;
    }
    if (has_single) continue;
    if (tokens.unknown.id_or_none() < 0) return;
    offer(next, before + tokens.unknown_score, tokens.unknown.id_or_none(), pos);
    largest = std::max(largest, std::abs(before + tokens.unknown_score));
  }
  double lead = std::numeric_limits<double>::infinity();
  for (uint32_t place = size; place > 0; place = best_[place].from) {
    lead = std::min(lead, best_[place].score - best_[place].second);
    packed_.push_back(best_[place].id);
  }
  std::reverse(packed_.begin() + 1, packed_.end());
  packed_[0] = static_cast<int32_t>(std::floor(largest_sum(lead, largest, n_characters)) + 1);
}

// -1: there is none.
template <typename Score>
double UnigramWords<Score>::largest_sum(double lead, double largest, size_t n_characters) const {
  constexpr double kUnitRoundoff = std::numeric_limits<Score>::epsilon() / 2;
  const double bound = (lead - kLeadError) / (2 * kUnitRoundoff * static_cast<double>(n_characters + 1)) - largest;
  double sum = std::min(bound, kLargestKept);
  if (UnigramTokens<Score>::kSentencePiece) sum = std::min(sum, kSumsAnew - largest - 1);
  if (sum >= 0) return sum;
  // After no sum the study itself did what the reference does.
  return UnigramTokens<Score>::kSentencePiece ? -1 : 0;
}

template class UnigramWords<float>;
template class UnigramWords<double>;

}  // namespace tidemill
