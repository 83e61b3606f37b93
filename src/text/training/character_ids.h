// Numbers of characters.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

namespace tidemill {

// Ids by code point, in blocks of 256 that are made when they are needed.
class CharacterIds {
 public:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();  // what there is before one is set

  uint32_t& operator[](char32_t c) {
    std::vector<uint32_t>& block = blocks_[c >> 8];
    if (block.empty()) block.assign(256, kNone);
    return block[c & 0xFF];
  }

 private:
  std::array<std::vector<uint32_t>, 0x1100> blocks_;
};

}  // namespace tidemill
