// What codes of blocks are put together from: lengths, parts behind a length, and bits as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "compress/delta/bad_code.h"

namespace tidemill {

// Seven bits a byte, the lowest first; the highest bit of a byte says that another one follows.
inline void append_length(std::vector<std::byte>& out, size_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::byte>(value | 0x80));
  out.push_back(static_cast<std::byte>(value));
}

inline void append_part(std::vector<std::byte>& out, std::span<const std::byte> part) {
  append_length(out, part.size());
  out.insert(out.end(), part.begin(), part.end());
}

// Takes bytes from the front of `code`.
inline std::span<const std::byte> take_bytes(std::span<const std::byte>& code, size_t n_bytes) {
  if (n_bytes > code.size()) refuse_code("ends early");
  const auto part = code.first(n_bytes);
  code = code.subspan(n_bytes);
  return part;
}

inline std::span<const std::byte> take_part(std::span<const std::byte>& code) {
  size_t length = 0;
  for (int shift = 0; shift < 28; shift += 7) {
    const auto byte = std::to_integer<size_t>(take_bytes(code, 1).front());
    length |= (byte & 0x7F) << shift;
    if (byte < 0x80) return take_bytes(code, length);
  }
  refuse_code("has a part whose length is no length");
}

// Bits one after the other, the lowest first.
class PlainBitWriter {
 public:
  explicit PlainBitWriter(std::vector<std::byte>& out) : out_(out) {}

  void write(uint64_t value, int n_bits) {
    for (; n_bits > 32; n_bits -= 32, value >>= 32) write_few(value & 0xFFFFFFFF, 32);
    write_few(value, n_bits);
  }
  void finish() {
    while (n_held_ > 0) give_byte();
  }

 private:
  void write_few(uint64_t value, int n_bits) {
    held_ |= value << n_held_;
    n_held_ += n_bits;
    while (n_held_ >= 8) give_byte();
  }
  void give_byte() {
    out_.push_back(static_cast<std::byte>(held_));
    held_ >>= 8;
    n_held_ -= 8;
  }

  std::vector<std::byte>& out_;
  uint64_t held_ = 0;
  int n_held_ = 0;
};

class PlainBitReader {
 public:
  explicit PlainBitReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  // Zeros after the end, which `finish` finds.
  uint64_t read(int n_bits) {
    if (n_bits <= 56) return read_few(n_bits);
    const uint64_t low = read_few(32);
    return low | read_few(n_bits - 32) << 32;
  }

  void finish() const {
    if ((position_ + 7) / 8 != bytes_.size()) refuse_code("does not end as it should");
  }

 private:
  uint64_t read_few(int n_bits) {
    const size_t byte = position_ / 8;
    uint64_t word = 0;
    if (byte + sizeof(word) <= bytes_.size()) {
      std::memcpy(&word, bytes_.data() + byte, sizeof(word));
    } else if (byte < bytes_.size()) {
      std::memcpy(&word, bytes_.data() + byte, bytes_.size() - byte);
    }
    const uint64_t value = word >> position_ % 8 & ((uint64_t{1} << n_bits) - 1);
    position_ += static_cast<size_t>(n_bits);
    return value;
  }

  std::span<const std::byte> bytes_;
  size_t position_ = 0;  // in bits
};

}  // namespace tidemill
