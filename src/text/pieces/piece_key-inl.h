// Keys and their hashes for loops over many pieces.  Included once per Highway target.
#if defined(TIDEMILL_TEXT_PIECE_KEY_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_TEXT_PIECE_KEY_INL_H
#undef TIDEMILL_TEXT_PIECE_KEY_INL_H
#else
#define TIDEMILL_TEXT_PIECE_KEY_INL_H
#endif

#include <hwy/highway.h>

#include <cstring>
#include <string_view>

#include "text/pieces/piece_block.h"
#include "text/pieces/piece_model.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// By size: the bytes that belong to the piece, and the last byte of its key.  The last row is for all longer pieces.
struct alignas(16) KeyMask {
  std::array<uint8_t, PieceKey::kBytes> bytes;
  std::array<uint8_t, PieceKey::kBytes> size;
};
inline constexpr std::array<KeyMask, PieceKey::kBytes + 1> kKeyMasks = [] {
  std::array<KeyMask, PieceKey::kBytes + 1> masks{};
  for (size_t n = 1; n <= PieceKey::kLongest; ++n) {
    for (size_t k = 0; k < n; ++k) masks[n].bytes[k] = 0xFF;
    masks[n].size[PieceKey::kLongest] = static_cast<uint8_t>(n);
  }
  return masks;
}();

#if HWY_TARGET == HWY_SCALAR

using KeyVec = PieceKey;

HWY_INLINE KeyVec load_key(const PieceKey& key) {
  return key;
}
HWY_INLINE KeyVec load_key(const char* bytes, size_t size) {
  const KeyMask& mask = kKeyMasks[HWY_MIN(size, PieceKey::kBytes)];
  std::array<uint64_t, 6> words;
  std::memcpy(words.data(), bytes, 16);
  std::memcpy(words.data() + 2, &mask, 32);
  return {{(words[0] & words[2]) | words[4], (words[1] & words[3]) | words[5]}};
}
HWY_INLINE void store_key(const KeyVec& key, PieceKey& out) {
  out = key;
}
HWY_INLINE uint64_t hash_key(const KeyVec& key) {
  uint64_t hash = 0;
  for (const uint64_t word : key.words) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  }
  return hash * 0xD6E8FEB86659FD93u;
}
HWY_INLINE uint64_t hash_long_bytes(std::string_view piece) {
  PieceKey state;
  const auto add = [&](const char* bytes) {
    PieceKey part;
    std::memcpy(&part, bytes, sizeof(part));
    state.words = {hash_key({{state.words[0] ^ part.words[0], state.words[1] ^ part.words[1]}}), part.words[0]};
  };
  for (size_t pos = 0; pos + PieceKey::kBytes < piece.size(); pos += PieceKey::kBytes) add(piece.data() + pos);
  add(piece.data() + piece.size() - PieceKey::kBytes);
  return hash_key({{state.words[0], state.words[1] ^ piece.size()}});
}

#else

using KeyTag = hn::FixedTag<uint8_t, PieceKey::kBytes>;
using KeyVec = hn::Vec<KeyTag>;

HWY_INLINE KeyVec load_key(const PieceKey& key) {
  return hn::Load(KeyTag(), reinterpret_cast<const uint8_t*>(&key));
}
// 16 bytes can be read at `bytes`.
HWY_INLINE KeyVec load_key(const char* bytes, size_t size) {
  const KeyTag d;
  const KeyMask& mask = kKeyMasks[HWY_MIN(size, PieceKey::kBytes)];
  const auto text = hn::LoadU(d, reinterpret_cast<const uint8_t*>(bytes));
  return hn::Or(hn::And(text, hn::Load(d, mask.bytes.data())), hn::Load(d, mask.size.data()));
}
HWY_INLINE void store_key(KeyVec key, PieceKey& out) {
  hn::Store(key, KeyTag(), reinterpret_cast<uint8_t*>(&out));
}
// Two rounds of AES spread every bit over all; the keys are digits of pi.
HWY_INLINE KeyVec two_rounds(KeyVec key) {
  const KeyTag d;
  const hn::Repartition<uint64_t, KeyTag> words;
  alignas(16) static constexpr uint64_t kRounds[4] = {0x243F6A8885A308D3u, 0x13198A2E03707344u, 0xA4093822299F31D0u,
                                                      0x082EFA98EC4E6C89u};
  const auto first = hn::AESRound(key, hn::BitCast(d, hn::Load(words, kRounds)));
  return hn::AESRound(first, hn::BitCast(d, hn::Load(words, kRounds + 2)));
}
HWY_INLINE uint64_t hash_key(KeyVec key) {
  const hn::Repartition<uint64_t, KeyTag> words;
  return hn::GetLane(hn::BitCast(words, two_rounds(key)));
}
// Of a piece of 16 bytes or more: chained, the last 16 bytes may overlap those before.
HWY_INLINE uint64_t hash_long_bytes(std::string_view piece) {
  const KeyTag d;
  const auto* bytes = reinterpret_cast<const uint8_t*>(piece.data());
  const hn::Repartition<uint64_t, KeyTag> words;
  auto state = hn::BitCast(d, hn::Set(words, uint64_t{piece.size()}));
  for (size_t pos = 0; pos + PieceKey::kBytes < piece.size(); pos += PieceKey::kBytes) {
    state = two_rounds(hn::Xor(state, hn::LoadU(d, bytes + pos)));
  }
  return hash_key(hn::Xor(state, hn::LoadU(d, bytes + piece.size() - PieceKey::kBytes)));
}

#endif

// The hash of a piece that its key does not hold takes the place of that of the key.
HWY_INLINE void hash_if_long(std::string_view text, ByteRange piece, uint64_t& hash) {
  const size_t size = piece.end - piece.begin;
  if (size > PieceKey::kLongest) hash = hash_long_bytes(text.substr(piece.begin, size));
}

// Keys and hashes of at most PieceBlock::kPieces pieces; calls on_hash(hash) for each, in order.
template <typename OnHash>
HWY_INLINE void fill_keys(std::string_view text, std::span<const ByteRange> pieces, PieceBlock& block,
                          const OnHash& on_hash) {
  const auto add = [&](size_t k, KeyVec key) HWY_ATTR {
    const uint64_t hash = hash_key(key);
    on_hash(hash);
    store_key(key, block.keys[k]);
    block.hashes[k] = hash;
  };
  // Loads of 16 bytes must not pass the end of the text.
  size_t n_safe = pieces.size();
  while (n_safe > 0 && pieces[n_safe - 1].begin + PieceKey::kBytes > text.size()) --n_safe;
  for (size_t k = 0; k < n_safe; ++k) {
    add(k, load_key(text.data() + pieces[k].begin, pieces[k].end - pieces[k].begin));
  }
  for (size_t k = n_safe; k < pieces.size(); ++k) {
    const PieceKey key = piece_key(text.substr(pieces[k].begin, pieces[k].end - pieces[k].begin));
    add(k, load_key(key));
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
