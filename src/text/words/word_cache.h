// What words of a text became, from call to call, whatever stages they went through: most words of a text were seen
// before, and are found without normalizing, cutting or modelling them again.
//
// For tokenizers whose words do not depend on each other (Normalizer::word_bounds, PreTokenizer::drops_white_space).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "text/pieces/piece_block.h"
#include "text/pieces/piece_cache.h"

namespace tidemill {

// For one thread, which may share the cache with others.  Words go through it in blocks of up to PieceBlock::kPieces:
// `find`, `set` for what is missing, `emit`.
class WordCache {
 public:
  explicit WordCache(std::shared_ptr<PieceCache> cache);

  // Without memory it is off.
  bool is_on() const { return is_on_; }
  // What a huge word leaves behind is not kept.
  void drop_buffers_beyond(size_t n_ids) {
    if (more_ids_.capacity() > n_ids) std::vector<int32_t>().swap(more_ids_);
  }
  const std::shared_ptr<PieceCache>& cache() const { return cache_.cache(); }
  // Without the bytes, which may be shared.
  CacheStatistics statistics() const { return {.hits = n_hits_, .misses = n_misses_}; }

  // Looks up a block of words.  Returns which of them are missing, ascending; valid until the next call.
  std::span<const uint16_t> find(std::string_view text, std::span<const ByteRange> words);

  // Longer words are not remembered: they seldom come back.
  static constexpr size_t kLongestWord = 255;

  // Whether the missing word `k` of the block, which is `word`, was set meanwhile, for it came twice.
  bool find_again(size_t k, std::string_view word);

  // Word `k` of the block, which is `word`, has these ids.
  void set(size_t k, std::string_view word, std::span<const int32_t> ids);

  // What word `k` of the block has, none being missing any more; valid until the next `find`.
  const PieceCache::Value& value(size_t k) const { return found_[k]; }
  std::span<const int32_t> ids(size_t k) const {
    const PieceCache::Value& found = found_[k];
    if (found.n_ids > PieceIds::kInline) return many_ids(found);
    // Ids are below 2^24, and so the same as numbers with a sign.
    return {reinterpret_cast<const int32_t*>(found.ids.words.data()), found.n_ids};
  }

  // Appends the ids of the block's first `n_words`, of which none is missing any more.
  void emit(size_t n_words, std::vector<int32_t>& ids);

 private:
  std::span<const int32_t> many_ids(const PieceCache::Value& found) const;

  PieceBlock block_;
  std::array<PieceCache::Value, PieceBlock::kPieces> found_;
  std::array<uint16_t, PieceBlock::kPieces> missing_;
  std::array<int32_t, PieceBlock::kPieces * PieceIds::kInline * 2> out_;
  std::vector<int32_t> more_ids_;  // of words with more than fit and that are not kept
  PieceCache::Reader cache_;
  bool is_on_;
  int64_t n_hits_ = 0, n_misses_ = 0;
};

}  // namespace tidemill
