// Remembers how words are written, and for which sums before a word that stays so.
//
// A word is a stretch of text that no token crosses the ends of: what is best inside it does not depend on what
// surrounds it, but for rounding, which depends on the sum before the word.  So every word is written once from zero
// with whole numbers for scores, and it is noted by how much the best way is better than all others at each place that
// it passes.  n additions of numbers up to M err by at most n u M, u being the unit roundoff; the best way stays the
// best as long as 2 n u M, and what rounding n scores may be worth, is less than that lead.  This is done for each part
// of a word that no token crosses the ends of.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/normalizer.h"
#include "text/pieces/piece_cache.h"
#include "text/unigram/unigram_tokens.h"
#include "text/words/word_cache.h"

namespace tidemill {

// How a word is written.
struct UnigramWord {
  double largest_sum;            // before the word, for which this is so; -1: for none
  bool has_unknown;              // among the ids, which have one then for each unknown character
  std::span<const int32_t> ids;  // valid until the next call of `find`
};

// One per thread; words go through it in blocks of up to PieceBlock::kPieces.
template <typename Score>
class UnigramWords {
 public:
  explicit UnigramWords(std::shared_ptr<PieceCache> cache) : cache_(std::move(cache)) {}

  const std::shared_ptr<PieceCache>& cache() const { return cache_.cache(); }
  CacheStatistics statistics() const { return cache_.statistics(); }

  // Finds out how `words` of `text` are written: as they stand or, with `normalizer`, as it makes them.  False, and the
  // block is not to be read, when a word does not stand alone.
  bool find(const UnigramTokens<Score>& tokens, std::string_view text, std::span<const ByteRange> words,
            const WordNormalizer* normalizer = nullptr);

  // How word `k` of them is.
  UnigramWord word(size_t k) const;

  // The same for most words, without a branch: `ids` begins with all of them, and may be read up to the third.
  struct Quick {
    double largest_sum;  // -1 or less: read `word`
    size_t n_ids;
    const uint32_t* ids;
  };
  Quick quick(size_t k) const {
    const PieceCache::Value& value = cache_.value(k);
    const double largest = static_cast<double>(value.ids.words[0]) - kIsPlain - 1;
    return {value.n_ids <= PieceIds::kInline ? largest : -1, value.n_ids - size_t{1}, value.ids.words.data() + 1};
  }

 private:
  // A word is kept as the largest sum and 1, or 0 for none, and its ids.  Words without unknown characters are told by
  // a bit of the first number.
  static constexpr uint32_t kIsPlain = uint32_t{1} << 23;

  // The best way to a place in a word, and the next best.  The upper halves are sums; the lower tell the last token:
  // its node, and in kFromBits where it begins.  So the greater number is the better way.
  struct Place {
    int64_t best, second;
  };
  static constexpr int kFromBits = 32 - UnigramTrie::kNodeBits;
  static constexpr uint32_t kLongestStudied = (uint32_t{1} << kFromBits) - 1;  // bytes, when it is normalized

  void study(const UnigramTokens<Score>& tokens, std::string_view word);
  uint32_t offer_all(const UnigramTrie& trie, uint32_t place, int64_t unknown_score);
  double bound(const UnigramTokens<Score>& tokens, uint32_t begin, uint32_t end);

  WordCache cache_;
  std::string normalized_;
  // Of the word that is studied.
  std::array<UnigramTrie::Code, kLongestStudied + 1> codes_;  // of its characters, and one that ends them
  std::array<Place, kLongestStudied + 1> places_;             // before each, and behind the last
  bool has_unknown_ = false;                                  // characters, as far as it is decided
  std::vector<int32_t> packed_;                               // as it is kept
};

extern template class UnigramWords<float>;
extern template class UnigramWords<double>;

}  // namespace tidemill
