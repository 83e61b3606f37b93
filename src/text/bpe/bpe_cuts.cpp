#include "text/bpe/bpe_cuts.h"

#include <bit>
#include <cstring>

#include "text/unicode/code_points.h"
#include "text/unicode/utf8.h"

namespace tidemill {
namespace {

constexpr std::string_view kSpace = "\u2581";

// The bytes of the character at `pos` as a number.
uint64_t character_at(std::string_view text, size_t pos, size_t& size) {
  size = utf8_size(text[pos]);
  uint64_t bytes = 0;
  for (size_t k = 0; k < size; ++k) bytes = bytes << 8 | static_cast<uint8_t>(text[pos + k]);
  return bytes;
}

uint64_t hash_neighbours(uint64_t left, uint64_t right) {
  return (left * 0x9E3779B97F4A7C15u ^ right) * 0xD6E8FEB86659FD93u;
}

}  // namespace

BpeCuts::BpeCuts(std::span<const std::string_view> tokens) : neighbours_(2 * tokens.size()) {
  for (const std::string_view token : tokens) {
    for (size_t pos = 0; (pos = token.find(kSpace, pos + 1)) != token.npos;) {
      joins_space_[static_cast<uint8_t>(token[pos - 1])] = true;
    }
    if (!is_utf8(token) || token.empty()) continue;
    size_t size = 0;
    uint64_t left = character_at(token, 0, size);
    for (size_t pos = size; pos < token.size(); pos += size) {
      const uint64_t right = character_at(token, pos, size);
      neighbours_.add(hash_neighbours(left, right));
      left = right;
    }
  }
}

size_t BpeCuts::near_end(std::string_view text, size_t begin, size_t end) const {
  constexpr size_t kNear = 48;
  if (begin + 1 + kNear + kSpace.size() > end) return 0;
  const char* bytes = text.data() + begin + 1;
  for (size_t at = 0; at < kNear; at += 8) {
    uint64_t word;
    std::memcpy(&word, bytes + at, 8);
    // The upper bits of the bytes that may begin a space.  A byte above a found one may be found falsely.
    const uint64_t other = word ^ 0xE2E2E2E2E2E2E2E2u;
    for (uint64_t found = (other - 0x0101010101010101u) & ~other & 0x8080808080808080u; found != 0;
         found &= found - 1) {
      const char* space = bytes + at + std::countr_zero(found) / 8;
      if (space[1] != kSpace[1] || space[2] != kSpace[2]) continue;
      if (!joins_space_[static_cast<uint8_t>(space[-1])]) return static_cast<size_t>(space - text.data());
    }
  }
  return 0;
}

size_t BpeCuts::far_end(std::string_view text, size_t begin, size_t end) const {
  size_t size = 0;
  uint64_t left = character_at(text, begin, size);
  for (size_t pos = begin + size; pos < end; pos += size) {
    const uint64_t right = character_at(text, pos, size);
    if (!neighbours_.may_hold(hash_neighbours(left, right))) return pos;
    left = right;
  }
  return end;
}

size_t BpeCuts::cut(std::string_view text, size_t begin, size_t end, size_t max_words,
                    std::vector<ByteRange>& words) const {
  for (size_t n = 0; n < max_words && begin < end; ++n) {
    const size_t near = near_end(text, begin, end);
    const size_t word = near > 0 ? near : far_end(text, begin, end);
    words.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(word)});
    begin = word;
  }
  return begin;
}

}  // namespace tidemill
