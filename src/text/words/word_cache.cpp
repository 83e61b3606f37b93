#include "text/words/word_cache.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

namespace tidemill {

WordCache::WordCache(std::shared_ptr<PieceCache> cache)
    : cache_(std::move(cache)), is_on_(cache_.cache()->limit() > 0) {
  // No word is known beforehand.
  std::iota(block_.unknown.begin(), block_.unknown.end(), uint16_t{0});
}

std::span<const uint16_t> WordCache::find(std::string_view text, std::span<const ByteRange> words) {
  more_ids_.clear();
  cache_.pin();
  fill_keys(text, words, block_);
  block_.n_unknown = words.size();
  const size_t n_candidates = cache_.find_quickly(block_, found_, missing_);
  for (size_t n = 0; n < n_candidates; ++n) {
    if (block_.keys[missing_[n]].empty()) cache_.prefetch_long(block_.hashes[missing_[n]]);
  }
  size_t n_missing = 0;
  for (size_t n = 0; n < n_candidates; ++n) {
    const uint16_t k = missing_[n];
    const std::string_view word = text.substr(words[k].begin, words[k].end - words[k].begin);
    const bool is_long = block_.keys[k].empty();
    if (is_long ? cache_.find_long(word, block_.hashes[k], found_[k])
                : cache_.find(block_.keys[k], block_.hashes[k], found_[k])) {
      continue;
    }
    missing_[n_missing++] = k;
  }
  n_hits_ += static_cast<int64_t>(words.size() - n_missing);
  n_misses_ += static_cast<int64_t>(n_missing);
  return {missing_.data(), n_missing};
}

bool WordCache::find_again(size_t k, std::string_view word) {
  const PieceKey& key = block_.keys[k];
  const uint64_t hash = block_.hashes[k];
  return word.size() <= kLongestWord &&
         (key.empty() ? cache_.find_long(word, hash, found_[k]) : cache_.find(key, hash, found_[k]));
}

void WordCache::set(size_t k, std::string_view word, std::span<const int32_t> ids) {
  PieceCache::Value& found = found_[k];
  // It may have come twice in the block, which `add` sees.
  if (word.size() <= kLongestWord && cache_.add(word, block_.keys[k], block_.hashes[k], ids, found)) return;
  found.n_ids = PieceIds::kUncached;
  found.ids.words = {static_cast<uint32_t>(more_ids_.size()), static_cast<uint32_t>(ids.size())};
  more_ids_.insert(more_ids_.end(), ids.begin(), ids.end());
}

void WordCache::emit(size_t n_words, std::vector<int32_t>& ids) {
  int32_t* out = out_.data();
  const auto flush = [&] {
    ids.insert(ids.end(), out_.data(), out);
    out = out_.data();
  };
  for (size_t k = 0; k < n_words; ++k) {
    const PieceCache::Value& found = found_[k];
    if (found.n_ids <= PieceIds::kInline) [[likely]] {
      // All four, however many there are: how many cannot be foreseen.
      std::memcpy(out, found.ids.words.data(), sizeof(found.ids.words));
      out += found.n_ids;
      continue;
    }
    const std::span<const int32_t> more = many_ids(found);
    const size_t room = static_cast<size_t>(out_.data() + out_.size() - out) - (n_words - k) * PieceIds::kInline;
    if (more.size() <= room) {
      out = std::copy(more.begin(), more.end(), out);
    } else {
      flush();
      ids.insert(ids.end(), more.begin(), more.end());
    }
  }
  flush();
  cache_.unpin();
}

// Of a word with more ids than stand in the value.
std::span<const int32_t> WordCache::many_ids(const PieceCache::Value& found) const {
  if (found.n_ids == PieceIds::kCached) return cache_.cached(found.ids);
  return std::span<const int32_t>(more_ids_).subspan(found.ids.words[0], found.ids.words[1]);
}

}  // namespace tidemill
