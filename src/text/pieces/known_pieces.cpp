#include "text/pieces/known_pieces.h"

#include <algorithm>
#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "text/pieces/known_pieces.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "text/pieces/piece_key-inl.h"
#include "text/pieces/raw_name_key.h"
#include "text/pieces/space_symbol.h"

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
  return bucket.value(way);
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

constexpr uint32_t kSpaceCharacter = 0x8196E2;  // the bytes of kSpaceSymbol as a number

// The key of `name` with a space for each U+2581: most have one at the front and none behind, nor spaces.
HWY_INLINE KeyVec load_spaced_key(std::string_view name) {
#if HWY_TARGET == HWY_SCALAR
  return raw_name_key(name);
#else
  const KeyTag d;
  // Without a branch: every other name begins with one.
  uint32_t first;
  std::memcpy(&first, name.data(), sizeof(first));
  const size_t begins = size_t{(first & 0xFFFFFF) == kSpaceCharacter} & size_t{name.size() >= kSpaceSymbol.size()};
  const size_t n_skipped = begins * (kSpaceSymbol.size() - 1);
  const auto bytes = load_key(name.data() + n_skipped, name.size() - n_skipped);
  const auto key = hn::IfThenElse(hn::FirstN(d, begins), hn::Set(d, uint8_t{' '}), bytes);
  const auto odd =
      hn::Or(hn::Eq(bytes, hn::Set(d, uint8_t{' '})), hn::Eq(bytes, hn::Set(d, static_cast<uint8_t>(kSpaceSymbol[0]))));
  const bool is_plain = name.size() <= PieceKey::kLongest + n_skipped && hn::AllFalse(d, odd);
  return is_plain ? key : load_key(raw_name_key(name));
#endif
}

// Fills `keys` and their hashes for the texts from `first` on.
void fill_text_keys(const TokenStrings& texts, int32_t first, bool spaced, std::span<PieceKey> keys,
                    std::span<uint64_t> hashes) {
  for (size_t k = 0; k < keys.size(); ++k) {
    const std::string_view text = texts[first + static_cast<int32_t>(k)];
    const auto key = spaced ? load_spaced_key(text) : load_key(text.data(), text.size());
    store_key(key, keys[k]);
    hashes[k] = hash_key(key);
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(find_known);
HWY_EXPORT(fill_text_keys);

KnownPieces::KnownPieces(const TokenStrings& texts, const std::vector<bool>& confirmed, Spelling spelling) {
  // At two thirds full some 8% of the pieces find no place; half full, 3%.
  const auto n_texts = static_cast<size_t>(texts.size());
  const size_t n_buckets = std::bit_ceil(std::max<size_t>(n_texts / 2, 2));
  shift_ = 64 - std::countr_zero(n_buckets);
  buckets_ = ZeroedVector<Bucket>(n_buckets);
  // The buckets of a block of pieces are asked for together, for most lie in memory that is far away.
  std::array<PieceKey, 32> keys;
  std::array<uint64_t, 32> hashes;
  for (size_t begin = 0, end; begin < n_texts; begin = end) {
    end = std::min(begin + keys.size(), n_texts);
    HWY_DYNAMIC_DISPATCH(fill_text_keys)
    (texts, static_cast<int32_t>(begin), spelling == Spelling::spaced, std::span(keys).first(end - begin), hashes);
    for (size_t id = begin; id < end; ++id) __builtin_prefetch(&buckets_[hashes[id - begin] >> shift_], 1);
    for (size_t id = begin; id < end; ++id) {
      add(buckets_[hashes[id - begin] >> shift_], keys[id - begin],
          confirmed[id] ? static_cast<uint32_t>(id) : kUnknown);
    }
  }
}

void KnownPieces::add(Bucket& bucket, const PieceKey& key, uint32_t value) {
  if (key.empty()) return;
  for (size_t k = 0; k < kWays; ++k) {
    if (!bucket.keys[k].empty()) continue;
    bucket.keys[k] = key;
    bucket.set_value(k, value);
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
    bucket.set_value(k, id);
    return true;
  }
  return false;
}

}  // namespace tidemill

#endif
