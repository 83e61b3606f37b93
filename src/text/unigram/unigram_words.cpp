#include "text/unigram/unigram_words.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "text/unicode/code_points.h"

namespace tidemill {
namespace {

// sentencepiece begins to sum anew past this (text/unigram/unigram_path.h), with other rounding from then on.
constexpr double kSumsAnew = 1e5;
constexpr double kImpossible = -std::numeric_limits<double>::infinity();
// The node of a token that stands for an unknown character.
constexpr UnigramTrie::Node kUnknown = UnigramTrie::kRoot;

}  // namespace

template <typename Score>
bool UnigramWords<Score>::find(const UnigramTokens<Score>& tokens, std::string_view text,
                               std::span<const ByteRange> words, const WordNormalizer* normalizer) {
  for (const uint16_t k : cache_.find(text, words)) {
    std::string_view word = text.substr(words[k].begin, words[k].end - words[k].begin);
    if (cache_.find_again(k, word)) continue;
    packed_.assign(1, 0);
    if (word.size() <= WordCache::kLongestWord) {
      normalized_.clear();
      if (normalizer && !normalizer->append_word(word, normalized_)) return false;
      study(tokens, normalizer ? normalized_ : word);
    }
    cache_.set(k, word, packed_);
  }
  return true;
}

template <typename Score>
UnigramWord UnigramWords<Score>::word(size_t k) const {
  const std::span<const int32_t> all = cache_.ids(k);
  const auto first = static_cast<uint32_t>(all[0]);
  return {static_cast<double>(first & (kIsPlain - 1)) - 1, (first & kIsPlain) == 0, all.subspan(1)};
}

// Puts how the word is written into packed_, where a 0 stands.
template <typename Score>
void UnigramWords<Score>::study(const UnigramTokens<Score>& tokens, std::string_view word) {
  constexpr double kLargestKept = kIsPlain - 2;
  constexpr int64_t kUnset = std::numeric_limits<int64_t>::min();
  const UnigramTrie& trie = tokens.found;
  if (word.size() > kLongestStudied || trie.scale() == 0 || !tokens.unknown_is_worst) return;
  uint32_t n = 0;
  for (size_t pos = 0; pos < word.size();) codes_[n++] = trie.next_code(word, pos);
  codes_[n] = UnigramTrie::kNoCode;
  std::fill_n(places_.begin(), n + 1, Place{kUnset, kUnset});
  places_[0].best = 0;
  has_unknown_ = false;
  const int64_t unknown_score = trie.rounded(tokens.unknown_score);
  double largest_sum = kLargestKept;
  uint32_t reach = 0;  // no token that began goes further
  for (uint32_t place = 0, begin = 0;; ++place) {
    if (place == reach && place > begin) {
      largest_sum = std::min(largest_sum, bound(tokens, begin, place));
      begin = place;
    }
    if (place == n) break;
    reach = std::max(reach, offer_all(trie, place, unknown_score));
  }
  const double largest = static_cast<double>(n + 1) * tokens.largest_score;
  largest_sum -= largest;
  if (UnigramTokens<Score>::kSentencePiece) largest_sum = std::min(largest_sum, kSumsAnew - largest - 1);
  if (!(largest_sum >= 0)) return packed_.assign(1, 0);
  packed_[0] = static_cast<int32_t>((static_cast<uint32_t>(largest_sum) + 1) | (has_unknown_ ? 0 : kIsPlain));
}

// Offers all tokens that begin at `from`, and an unknown character where there is no token of it alone.  Returns how
// far the longest may go.
template <typename Score>
uint32_t UnigramWords<Score>::offer_all(const UnigramTrie& trie, uint32_t from, int64_t unknown_score) {
  const auto offer = [](Place& place, int64_t way) {
    const int64_t worse = std::min(place.best, way);
    place.best = std::max(place.best, way);
    place.second = std::max(place.second, worse);
  };
  const int64_t before = (places_[from].best & UnigramTrie::kUpper) | from;
  UnigramTrie::Node node = UnigramTrie::kRoot;
  UnigramTrie::Place at = trie.root();
  bool goes_on = trie.step(node, at, codes_[from]);
  if (!goes_on || UnigramTrie::score(at) == UnigramTrie::kNoToken) offer(places_[from + 1], before + unknown_score);
  uint32_t to = from;
  for (; goes_on; goes_on = trie.step(node, at, codes_[to])) {
    offer(places_[++to], before + UnigramTrie::score(at) + (int64_t{node} << kFromBits));
  }
  return std::max(to, from + 1);
}

// Appends the best way from `begin` to `end` to packed_.  Returns up to which sum it is the best; kImpossible when that
// is not sure.
template <typename Score>
double UnigramWords<Score>::bound(const UnigramTokens<Score>& tokens, uint32_t begin, uint32_t end) {
  constexpr double kUnitRoundoff = std::numeric_limits<Score>::epsilon() / 2;
  const auto n_before = static_cast<std::ptrdiff_t>(packed_.size());
  const int32_t unknown_id = tokens.unknown.id_or_none();
  int64_t lead = std::numeric_limits<int64_t>::max();
  bool is_sure = true;
  for (uint32_t place = end; place > begin;) {
    const int64_t best = places_[place].best;
    const auto last = static_cast<uint32_t>(best);
    const UnigramTrie::Node node = last >> kFromBits;
    const int32_t found = node == kUnknown ? -1 : tokens.found.id(node);
    lead = std::min(lead, (best >> 32) - (places_[place].second >> 32));
    // Without an unknown token the text is refused.  A token of the text by its name has another score and length.
    is_sure &= found < 0 ? unknown_id >= 0 : found != unknown_id;
    has_unknown_ |= found < 0;
    packed_.push_back(found < 0 ? unknown_id : found);
    place = last & kLongestStudied;
  }
  std::reverse(packed_.begin() + n_before, packed_.end());
  const auto n = static_cast<double>(end - begin + 1);
  const double least_lead = (static_cast<double>(lead) - n) / tokens.found.scale();
  return is_sure ? least_lead / (2 * kUnitRoundoff * n) : kImpossible;
}

template class UnigramWords<float>;
template class UnigramWords<double>;

}  // namespace tidemill
