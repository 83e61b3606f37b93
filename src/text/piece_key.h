// Short pieces of text as numbers, to be compared and hashed without a loop over bytes.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
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

// Up to 15 bytes and their number, which stands in the top byte; all zero for none and for longer pieces.
struct PieceKey {
  static constexpr size_t kLongest = 15;
  // Bytes that are read from where a piece begins.
  static constexpr size_t kReads = 16;

  uint64_t low = 0, high = 0;

  bool operator==(const PieceKey&) const = default;
  bool empty() const { return high == 0; }

  // `bytes` has kReads readable bytes.
  static PieceKey load(const char* bytes, size_t size) {
    PieceKey key;
    std::memcpy(&key.low, bytes, 8);
    std::memcpy(&key.high, bytes + 8, 8);
    const Mask& mask = kMasks[std::min(size, kLongest + 1)];
    key.low &= mask.low;
    key.high = (key.high & mask.high) | mask.size;
    return key;
  }
  static PieceKey of(std::string_view piece) {
    std::array<char, kReads> bytes{};
    std::copy_n(piece.data(), std::min(piece.size(), kReads), bytes.data());
    return load(bytes.data(), piece.size());
  }

  uint64_t hash() const { return folded_product(low ^ 0x2D358DCCAA6C78A5u, high ^ 0x8BB84B93962EACC9u); }

 private:
  struct Mask {
    uint64_t low, high, size;
  };
  static constexpr uint64_t lower_bytes(size_t n) { return n >= 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * n) - 1; }
  static constexpr std::array<Mask, kLongest + 2> make_masks() {
    static_assert(std::endian::native == std::endian::little);
    std::array<Mask, kLongest + 2> masks{};  // the last for longer pieces
    for (size_t n = 1; n <= kLongest; ++n) {
      masks[n] = {lower_bytes(n), n > 8 ? lower_bytes(n - 8) : 0, uint64_t{n} << 56};
    }
    return masks;
  }
  static const std::array<Mask, kLongest + 2> kMasks;
};

inline constexpr std::array<PieceKey::Mask, PieceKey::kLongest + 2> PieceKey::kMasks = PieceKey::make_masks();

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
