// Short pieces of text as 16 bytes, to be compared and hashed without a loop over bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tidemill {

// Up to 15 bytes and then zeros, their number in the last byte; all zero for none and for longer pieces.
struct alignas(16) PieceKey {
  static constexpr size_t kBytes = 16;
  static constexpr size_t kLongest = kBytes - 1;

  std::array<uint64_t, 2> words{};

  bool operator==(const PieceKey&) const = default;
  bool empty() const { return words[1] == 0; }
};

PieceKey piece_key(std::string_view piece);
// The same where kBytes bytes can be read.
PieceKey readable_piece_key(const char* bytes, size_t size);
// 64 bits of which each depends on all bytes.
uint64_t piece_hash(const PieceKey& key);
// Of a piece of 16 bytes or more.
uint64_t long_piece_hash(std::string_view piece);

}  // namespace tidemill
