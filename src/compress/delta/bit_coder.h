// Binary arithmetic coder with adaptive probabilities, for what a code says about its own tables: a few hundred small
// numbers, which it learns as it goes.  Specification: docs/formats/delta_blocks.md, "Numbers".
// After Witten, Neal and Cleary 1987, "Arithmetic coding for data compression", without carries as in Mahoney's lpaq.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tidemill {

// What is known of one yes-or-no question: the share of ones so far.
class BitModel {
 public:
  uint32_t one() const { return one_; }  // of 65536, never 0 or 65536

  void learn(bool bit) {
    if (bit) {
      one_ = static_cast<uint16_t>(one_ + share_of(kMost - one_));
    } else {
      one_ = static_cast<uint16_t>(one_ - share_of(one_ - kLeast));
    }
    if (n_seen_ < kLongMemory) ++n_seen_;
  }

 private:
  static constexpr uint32_t kLeast = 128;
  static constexpr uint32_t kMost = 65536 - kLeast;
  static constexpr uint32_t kLongMemory = 30;
  // 2^32 / (2 n + 3), rounded up: a product with it is the quotient of numbers below 2^17, several times as fast.
  static constexpr auto kReciprocals = [] {
    std::array<uint32_t, kLongMemory + 1> reciprocals{};
    for (uint32_t n = 0; n <= kLongMemory; ++n) reciprocals[n] = 0xFFFFFFFF / (2 * n + 3) + 1;
    return reciprocals;
  }();

  // distance * 2 / (2 * n_seen_ + 3)
  uint32_t share_of(uint32_t distance) const {
    return static_cast<uint32_t>(uint64_t{distance * 2} * kReciprocals[n_seen_] >> 32);
  }

  uint16_t one_ = 32768;
  uint16_t n_seen_ = 0;
};

class BitWriter {
 public:
  explicit BitWriter(std::vector<std::byte>& out) : out_(out) {}

  void bit(BitModel& model, bool value) {
    const uint32_t middle = low_ + static_cast<uint32_t>(uint64_t{high_ - low_} * model.one() >> 16);
    (value ? high_ : low_) = value ? middle : middle + 1;
    model.learn(value);
    while ((low_ ^ high_) >> 24 == 0) {
      out_.push_back(static_cast<std::byte>(high_ >> 24));
      low_ <<= 8;
      high_ = high_ << 8 | 0xFF;
    }
  }

  // Writes what tells the last bits; what a reader finds after it must be nothing, or zeros.
  void finish() {
    if (low_ > 0) out_.push_back(static_cast<std::byte>((low_ >> 24) + 1));
  }

 private:
  std::vector<std::byte>& out_;
  uint32_t low_ = 0;
  uint32_t high_ = 0xFFFFFFFF;
};

class BitReader {
 public:
  explicit BitReader(std::span<const std::byte> bytes) : bytes_(bytes) {
    for (int index = 0; index < 4; ++index) read_byte();
  }

  bool bit(BitModel& model) {
    const uint32_t middle = low_ + static_cast<uint32_t>(uint64_t{high_ - low_} * model.one() >> 16);
    const bool value = code_ <= middle;
    (value ? high_ : low_) = value ? middle : middle + 1;
    model.learn(value);
    while ((low_ ^ high_) >> 24 == 0) {
      low_ <<= 8;
      high_ = high_ << 8 | 0xFF;
      read_byte();
    }
    return value;
  }

 private:
  // Zeros after the end: a damaged code gives numbers, which their readers check.
  void read_byte() {
    const uint32_t next = position_ < bytes_.size() ? std::to_integer<uint32_t>(bytes_[position_++]) : 0;
    code_ = code_ << 8 | next;
  }

  std::span<const std::byte> bytes_;
  size_t position_ = 0;
  uint32_t low_ = 0;
  uint32_t high_ = 0xFFFFFFFF;
  uint32_t code_ = 0;
};

// Models of a number below 2^31 - 1: how many bits follow the leading one of its successor, in unary, then these.
class NumberModel {
 public:
  void write(BitWriter& writer, uint32_t value) {
    const uint32_t successor = value + 1;
    const int n_bits = std::bit_width(successor) - 1;
    for (int bit = 0; bit < n_bits; ++bit) writer.bit(length_[static_cast<size_t>(bit)], true);
    writer.bit(length_[static_cast<size_t>(n_bits)], false);
    for (int bit = n_bits - 1; bit >= 0; --bit) writer.bit(model(n_bits, bit), (successor >> bit & 1) != 0);
  }

  uint32_t read(BitReader& reader) {
    int n_bits = 0;
    while (n_bits < kMostBits && reader.bit(length_[static_cast<size_t>(n_bits)])) ++n_bits;
    uint32_t successor = 1;
    for (int bit = n_bits - 1; bit >= 0; --bit) successor = successor << 1 | (reader.bit(model(n_bits, bit)) ? 1 : 0);
    return successor - 1;
  }

 private:
  static constexpr int kMostBits = 30;

  BitModel& model(int n_bits, int bit) { return bits_[static_cast<size_t>(n_bits * (n_bits - 1) / 2 + bit)]; }

  std::array<BitModel, kMostBits + 1> length_;
  std::array<BitModel, kMostBits*(kMostBits + 1) / 2> bits_;  // those of a shorter number come first
};

// Signed numbers as numbers: 0, -1, 1, -2, 2 ...
inline uint32_t folded(int32_t value) {
  return static_cast<uint32_t>(value) << 1 ^ static_cast<uint32_t>(value >> 31);
}
inline int32_t unfolded(uint32_t value) {
  return static_cast<int32_t>(value >> 1 ^ (0u - (value & 1)));
}

}  // namespace tidemill
