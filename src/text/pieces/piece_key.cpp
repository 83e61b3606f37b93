#include "text/pieces/piece_key.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "text/pieces/piece_key.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "text/pieces/piece_key-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

PieceKey load_one(const char* bytes, size_t size) {
  PieceKey key;
  store_key(load_key(bytes, size), key);
  return key;
}

uint64_t hash_one(const PieceKey& key) {
  return hash_key(load_key(key));
}

uint64_t hash_long(std::string_view piece) {
  return hash_long_bytes(piece);
}

void key_block(std::string_view text, std::span<const ByteRange> pieces, PieceBlock& block) {
  fill_keys(text, pieces, block, [](uint64_t) {});
  for (size_t k = 0; k < pieces.size(); ++k) hash_if_long(text, pieces[k], block.hashes[k]);
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {
namespace {

template <typename Word>
uint64_t load(std::string_view bytes, size_t at) {
  Word word;
  std::memcpy(&word, bytes.data() + at, sizeof(word));
  return word;
}

}  // namespace

HWY_EXPORT(load_one);
HWY_EXPORT(hash_one);
HWY_EXPORT(hash_long);
HWY_EXPORT(key_block);

PieceKey piece_key(std::string_view piece) {
  const size_t size = piece.size();
  PieceKey key;
  if (size == 0 || size > PieceKey::kLongest) return key;
  // Loads that overlap, of bytes that are there.
  if (size > 8) {
    key.words[0] = load<uint64_t>(piece, 0);
    key.words[1] = load<uint64_t>(piece, size - 8) >> 8 * (16 - size);
  } else if (size >= 4) {
    key.words[0] = load<uint32_t>(piece, 0) | load<uint32_t>(piece, size - 4) << 8 * (size - 4);
  } else {
    for (const size_t k : {size_t{0}, size / 2, size - 1}) key.words[0] |= load<uint8_t>(piece, k) << 8 * k;
  }
  key.words[1] |= uint64_t{size} << 56;
  return key;
}

PieceKey readable_piece_key(const char* bytes, size_t size) {
  return HWY_DYNAMIC_DISPATCH(load_one)(bytes, size);
}

uint64_t piece_hash(const PieceKey& key) {
  return HWY_DYNAMIC_DISPATCH(hash_one)(key);
}
uint64_t long_piece_hash(std::string_view piece) {
  return HWY_DYNAMIC_DISPATCH(hash_long)(piece);
}
void fill_keys(std::string_view text, std::span<const ByteRange> pieces, PieceBlock& block) {
  HWY_DYNAMIC_DISPATCH(key_block)(text, pieces, block);
}

}  // namespace tidemill

#endif
