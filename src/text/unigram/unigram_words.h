// Remembers how words are written, and for which sums before a word that stays so.
//
// A word is a stretch of text that no token crosses the ends of: what is best inside it does not depend on what
// surrounds it, but for rounding, which depends on the sum before the word.  So every word is written once in double
// precision from zero, and it is noted by how much the best way is better than all others at each place that it passes.
// n additions of numbers up to M err by at most n u M, u being the unit roundoff; the best way stays the best as long
// as 2 n u M is less than that lead.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "text/pieces/piece_cache.h"
#include "text/unigram/unigram_path.h"
#include "text/unigram/unigram_tokens.h"

namespace tidemill {

// One per thread.
template <typename Score>
class UnigramWords {
 public:
  UnigramWords();

  // Longer words are not remembered; they seldom come back.
  static constexpr size_t kLongestWord = 64;

  struct Word {
    double largest_sum;            // before the word, for which this is how it is written; -1: for none
    std::span<const int32_t> ids;  // valid until the next call of `find`
  };

  void limit(size_t n_bytes) { cache_.cache()->limit(n_bytes); }
  CacheStatistics statistics() const {
    return {.hits = n_hits_, .misses = n_misses_, .bytes = static_cast<int64_t>(cache_.cache()->bytes())};
  }

  // Finds out how `words` of `text`, at most PieceBlock::kPieces, are written.
  void find(const UnigramTokens<Score>& tokens, std::string_view text, std::span<const ByteRange> words);
  // How word `k` of them is.
  Word word(size_t k) const;

 private:
  static constexpr size_t kCacheBytes = size_t{16} << 20;  // until `limit` says otherwise

  // The best way to a place in a word, and the next best.
  struct Best {
    double score, second;
    int32_t id;
    uint32_t from;
  };

  void find_missing(const UnigramTokens<Score>& tokens, std::string_view word, size_t k);
  void study(const UnigramTokens<Score>& tokens, std::string_view word);
  void offer(uint32_t to, double score, int32_t id, uint32_t from);
  double largest_sum(double lead, double largest, size_t n_characters) const;

  PieceBlock block_;
  std::array<PieceCache::Value, PieceBlock::kPieces> found_;
  std::array<uint16_t, PieceBlock::kPieces> missing_;
  std::vector<int32_t> not_kept_;  // as in the cache, of words that it has no room for
  // Per word: the largest sum and 1, or 0 for none; the ids.
  PieceCache::Reader cache_{std::make_shared<PieceCache>(kCacheBytes)};
  std::vector<Best> best_;
  std::vector<int32_t> packed_;
  int64_t n_hits_ = 0, n_misses_ = 0;
};

extern template class UnigramWords<float>;
extern template class UnigramWords<double>;

}  // namespace tidemill
