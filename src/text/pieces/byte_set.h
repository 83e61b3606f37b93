// A set of bytes that a text is searched for, 64 bytes at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tidemill {

class ByteSet {
 public:
  void add(char byte);
  bool holds(char byte) const { return holds_[static_cast<uint8_t>(byte)]; }

  // The first place from `from` on where a byte of the set stands; the text's size when there is none.
  size_t find_in(std::string_view text, size_t from) const;

  // By the lower half of a byte, the upper halves that it has in the set, one bit each: those below and above 0x80.
  struct Halves {
    alignas(16) std::array<uint8_t, 16> low, high;
  };
  const Halves& halves() const { return halves_; }

 private:
  std::array<bool, 256> holds_{};
  Halves halves_{};
};

}  // namespace tidemill
