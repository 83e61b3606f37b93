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
  const auto size = static_cast<uint32_t>(word.size());
  if (size > kLongestStudied || trie.scale() == 0 || !tokens.unknown_is_worst) return;
  std::fill_n(places_.begin(), size + 1, Place{kUnset, kUnset});
  places_[0].best = 0;
  has_unknown_ = false;
  const auto unknown_score =
      static_cast<int64_t>(uint64_t{static_cast<uint32_t>(trie.rounded(tokens.unknown_score))} << 32);
  double largest_sum = kLargestKept;
  size_t n_characters = 0, n_before = 0;
  uint32_t reach = 0;  // no token that began goes further
  for (uint32_t pos = 0, begin = 0;; ++n_characters) {
    if (pos == reach && pos > begin) {
      largest_sum = std::min(largest_sum, bound(tokens, begin, pos, n_characters - n_before));
      begin = pos;
      n_before = n_characters;
    }
    if (pos == size) break;
    const uint32_t next = pos + static_cast<uint32_t>(utf8_size(word[pos]));
    reach = std::max({reach, next, offer_all(trie, word, pos, next, unknown_score)});
    pos = next;
  }
  const double largest = static_cast<double>(n_characters + 1) * tokens.largest_score;
  largest_sum -= largest;
  if (UnigramTokens<Score>::kSentencePiece) largest_sum = std::min(largest_sum, kSumsAnew - largest - 1);
  if (!(largest_sum >= 0)) return packed_.assign(1, 0);
  packed_[0] = static_cast<int32_t>((static_cast<uint32_t>(largest_sum) + 1) | (has_unknown_ ? 0 : kIsPlain));
}

// Offers all tokens that begin at `pos`, and an unknown character up to `next`, whether there is a token of the same
// character or not, for that is better.  Returns how far the longest may go.
template <typename Score>
uint32_t UnigramWords<Score>::offer_all(const UnigramTrie& trie, std::string_view word, uint32_t pos, uint32_t next,
                                        int64_t unknown_score) {
  const auto size = static_cast<uint32_t>(word.size());
  const auto offer = [places = places_.data()](uint32_t to, int64_t way) {
    Place& place = places[to];
    place.second = std::max(place.second, std::min(place.best, way));
    place.best = std::max(place.best, way);
  };
  const int64_t before = (places_[pos].best & static_cast<int64_t>(UnigramTrie::kScore)) | pos;
  offer(next, before + unknown_score);
  UnigramTrie::Node node = UnigramTrie::kRoot;
  UnigramTrie::Place at = trie.root();
  uint32_t to = pos;
  while (to < size && trie.step(node, at, static_cast<uint8_t>(word[to]))) {
    offer(++to, before + static_cast<int64_t>((at & UnigramTrie::kScore) + (uint64_t{node} << kFromBits)));
  }
  return to;
}

// Appends the best way from `begin` to `end` to packed_.  Returns up to which sum it is the best; kImpossible when that
// is not sure.
template <typename Score>
double UnigramWords<Score>::bound(const UnigramTokens<Score>& tokens, uint32_t begin, uint32_t end,
                                  size_t n_characters) {
  constexpr double kUnitRoundoff = std::numeric_limits<Score>::epsilon() / 2;
  const auto n_before = static_cast<std::ptrdiff_t>(packed_.size());
  int64_t lead = std::numeric_limits<int64_t>::max();
  bool is_sure = true;
  for (uint32_t place = end; place > begin;) {
    const int64_t best = places_[place].best;
    const auto last = static_cast<uint32_t>(best);
    const UnigramTrie::Node node = last >> kFromBits;
    const int32_t id = node == kUnknown ? tokens.unknown.id_or_none() : tokens.found.id(node);
    lead = std::min(lead, (best >> 32) - (places_[place].second >> 32));
    // Without an unknown token the text is refused.  A token of the text by its name has another score and length.
    is_sure &= id >= 0 && (id != tokens.unknown.id_or_none() || node == kUnknown);
    has_unknown_ |= node == kUnknown;
    packed_.push_back(id);
    place = last & kLongestStudied;
  }
  std::reverse(packed_.begin() + n_before, packed_.end());
  const auto n = static_cast<double>(n_characters + 1);
  const double least_lead = (static_cast<double>(lead) - n) / tokens.found.scale();
  return is_sure ? least_lead / (2 * kUnitRoundoff * n) : kImpossible;
}

template class UnigramWords<float>;
template class UnigramWords<double>;

}  // namespace tidemill
