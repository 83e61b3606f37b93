#include "text/known_pieces.h"

#include <algorithm>
#include <bit>

namespace tidemill {

KnownPieces::KnownPieces(std::span<const std::string_view> texts, bool confirmed) {
  // At two thirds full some 8% of the buckets overflow; half full, 3%.
  const size_t n_buckets = std::bit_ceil(std::max<size_t>(texts.size() / 2, 2));
  shift_ = 64 - std::countr_zero(n_buckets);
  buckets_ = std::make_unique<Bucket[]>(n_buckets);
  for (size_t id = 0; id < texts.size(); ++id) {
    if (texts[id].empty() || texts[id].size() > PieceKey::kLongest) continue;
    const PieceKey key = PieceKey::of(texts[id]);
    Bucket& bucket = buckets_[key.hash() >> shift_];
    for (size_t k = 0; k < kWays; ++k) {
      if (!bucket.keys[k].empty()) continue;
      bucket.keys[k] = key;
      bucket.values[k].store(static_cast<uint32_t>(id) | (confirmed ? kOne : 0), std::memory_order_relaxed);
      break;
    }
  }
}

bool KnownPieces::confirm(const PieceKey& key, uint64_t hash, uint32_t id) const {
  Bucket& bucket = buckets_[hash >> shift_];
  for (size_t k = 0; k < kWays; ++k) {
    if (bucket.keys[k] != key) continue;
    bucket.values[k].store(id | kOne, std::memory_order_relaxed);
    return true;
  }
  return false;
}

}  // namespace tidemill
