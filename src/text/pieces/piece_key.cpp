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
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(load_one);
HWY_EXPORT(hash_one);
HWY_EXPORT(hash_long);
HWY_EXPORT(key_block);

PieceKey piece_key(std::string_view piece) {
  PieceKey key;
  if (piece.empty() || piece.size() > PieceKey::kLongest) return key;
  std::array<char, PieceKey::kBytes> bytes{};
  std::copy(piece.begin(), piece.end(), bytes.begin());
  bytes.back() = static_cast<char>(piece.size());
  std::memcpy(&key, bytes.data(), sizeof(key));
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
