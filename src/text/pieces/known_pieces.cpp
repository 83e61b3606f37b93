#include "text/pieces/known_pieces.h"

#include <algorithm>
#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "text/pieces/known_pieces.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "text/pieces/piece_key-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// Which words of the bucket's keys equal those of `key`: one bit per word.
HWY_INLINE uint32_t equal_words(const KnownPieces::Bucket& bucket, const PieceKey& key) {
#if HWY_TARGET == HWY_SCALAR
  uint32_t equal = 0;
  for (size_t k = 0; k < KnownPieces::kWays; ++k) equal |= uint32_t{bucket.keys[k] == key} * 3 << 2 * k;
  return equal;
#else
  const hn::CappedTag<uint64_t, 8> d;
  const uint64_t* words = bucket.keys[0].words.data();
  const auto wanted = hn::LoadDup128(d, key.words.data());
#if HWY_TARGET <= HWY_AVX3
  return static_cast<uint32_t>(hn::Eq(hn::Load(d, words), wanted).raw);
#else
  uint32_t equal = 0;
  for (size_t k = 0; k < 2 * KnownPieces::kWays; k += hn::Lanes(d)) {
    uint64_t part = 0;
    hn::StoreMaskBits(d, hn::Eq(hn::Load(d, words + k), wanted), reinterpret_cast<uint8_t*>(&part));
    equal |= static_cast<uint32_t>(part) << k;
  }
  return equal;
#endif
#endif
}

// The value beside `key`.  Without branches: which way it is cannot be foreseen.
HWY_INLINE uint32_t value_of(const KnownPieces::Bucket& bucket, const PieceKey& key) {
  const uint32_t equal = equal_words(bucket, key);
  // Bits 0, 2 and 4 tell the way; without any, bit 6 leads to the last value.
  const auto way = static_cast<size_t>(std::countr_zero((equal & equal >> 1 & 0b010101u) | 0b1000000u)) / 2;
  return bucket.values[way].load(std::memory_order_relaxed);
}

void find_known(const KnownPieces::Bucket* buckets, int shift, std::string_view text, std::span<const ByteRange> pieces,
                PieceBlock& block) {
  fill_keys(text, pieces, block, [=](uint64_t hash) HWY_ATTR { __builtin_prefetch(&buckets[hash >> shift]); });
  size_t n_unknown = 0;
  for (size_t k = 0; k < pieces.size(); ++k) {
    const uint32_t value = value_of(buckets[block.hashes[k] >> shift], block.keys[k]);
    block.known[k] = value;
    block.unknown[n_unknown] = static_cast<uint16_t>(k);
    n_unknown += value / KnownPieces::kUnknown;
  }
  block.n_unknown = n_unknown;
  for (size_t n = 0; n < n_unknown; ++n) {
    const size_t k = block.unknown[n];
    hash_if_long(text, pieces[k], block.hashes[k]);
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(find_known);

KnownPieces::KnownPieces(std::span<const std::string_view> texts, const std::vector<bool>& confirmed,
                         PieceKey (*key_of)(std::string_view text)) {
  // At two thirds full some 8% of the pieces find no place; half full, 3%.
  const size_t n_buckets = std::bit_ceil(std::max<size_t>(texts.size() / 2, 2));
  shift_ = 64 - std::countr_zero(n_buckets);
  buckets_ = HugeVector<Bucket>(n_buckets);
  // The buckets of a block of pieces are asked for together, for most lie in memory that is far away.
  std::array<PieceKey, 32> keys;
  std::array<Bucket*, 32> buckets;
  for (size_t begin = 0, end; begin < texts.size(); begin = end) {
    end = std::min(begin + keys.size(), texts.size());
    for (size_t id = begin; id < end; ++id) {
      keys[id - begin] = key_of(texts[id]);
      buckets[id - begin] = &buckets_[piece_hash(keys[id - begin]) >> shift_];
      __builtin_prefetch(buckets[id - begin], 1);
    }
    for (size_t id = begin; id < end; ++id) {
      add(*buckets[id - begin], keys[id - begin], confirmed[id] ? static_cast<uint32_t>(id) : kUnknown);
    }
  }
}

void KnownPieces::add(Bucket& bucket, const PieceKey& key, uint32_t value) {
  if (key.empty()) return;
  for (size_t k = 0; k < kWays; ++k) {
    if (!bucket.keys[k].empty()) continue;
    bucket.keys[k] = key;
    bucket.values[k].store(value, std::memory_order_relaxed);
    return;
  }
}

void KnownPieces::find(std::string_view text, std::span<const ByteRange> pieces, PieceBlock& block) const {
  HWY_DYNAMIC_DISPATCH(find_known)(buckets_.data(), shift_, text, pieces, block);
}

bool KnownPieces::confirm(const PieceKey& key, uint64_t hash, uint32_t id) const {
  const Bucket& bucket = buckets_[hash >> shift_];
  for (size_t k = 0; k < kWays; ++k) {
    if (bucket.keys[k] != key) continue;
    bucket.values[k].store(id, std::memory_order_relaxed);
    return true;
  }
  return false;
}

}  // namespace tidemill

#endif
