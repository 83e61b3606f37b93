// A hash for numbers and for strings of some length, where vectors are not at hand.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tidemill {

// The product of two numbers, its upper half folded into the lower: each bit depends on all bits of both (wyhash).
inline uint64_t folded_product(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
#else
  const uint64_t low = (a & 0xFFFFFFFF) * (b & 0xFFFFFFFF);
  const uint64_t middle = (a >> 32) * (b & 0xFFFFFFFF) + (low >> 32);
  const uint64_t other = (a & 0xFFFFFFFF) * (b >> 32) + (middle & 0xFFFFFFFF);
  return (a * b) ^ ((a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32));
#endif
}

// Of pieces of 16 bytes and more.
inline uint64_t hash_long_piece(std::string_view piece) {
  uint64_t hash = piece.size();
  const auto add = [&](const char* bytes) {
    std::array<uint64_t, 2> words;
    std::memcpy(words.data(), bytes, sizeof(words));
    hash = folded_product(words[0] ^ hash, words[1] ^ 0x8BB84B93962EACC9u);
  };
  for (size_t pos = 0; pos + 16 < piece.size(); pos += 16) add(piece.data() + pos);
  add(piece.data() + piece.size() - 16);
  return hash ^ hash >> 32;
}

}  // namespace tidemill
