// Which characters a normalizer surely leaves as they are, whatever stands around them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "text/pieces/byte_set.h"
#include "text/pieces/byte_trie.h"
#include "text/sentencepiece/charsmap.h"
#include "text/unicode/code_points.h"

namespace tidemill {

class KeptCharacters {
 public:
  // By a map, where no user-defined symbol begins.
  KeptCharacters(const Charsmap& map, const ByteTrie& user_defined);

  // True when the character at `pos` of the valid UTF-8 `text` stays.
  bool contains(std::string_view text, size_t pos) const {
    const Kept kept = by_first_byte_[static_cast<uint8_t>(text[pos])];
    if (kept == Kept::always || (kept == Kept::before_ascii && is_before_ascii(text, pos))) return true;
    if (utf8_size(text[pos]) > 3) return false;
    const char32_t c = next_code_point(text, pos);
    return has(plane_, c) || (has(together_, c) && (pos == text.size() || is_together(text, pos)));
  }

  // True when all of `text`, valid UTF-8, stays if nothing follows it.
  bool contain_all(std::string_view text) const {
    size_t pos = keeps_plain_ascii_ ? skip_plain_ascii(text) : 0;
    while (pos < text.size() && is_together(text, pos)) pos += utf8_size(text[pos]);
    return pos == text.size();
  }

  // Where the ASCII characters end that stay, from `pos` on.
  size_t skip_ascii(std::string_view text, size_t pos) const {
    const size_t end = others_.find_in(text, pos);
    // The last one may be part of a rule with what follows.
    if (end == pos || end == text.size() || contains(text, end - 1)) return end;
    return end - 1;
  }

 private:
  // Of characters by their first bytes.
  enum class Kept : uint8_t { not_sure, before_ascii, always };

  static bool is_before_ascii(std::string_view text, size_t pos) {
    return pos + 1 == text.size() || static_cast<uint8_t>(text[pos + 1]) < 0x80;
  }

  static bool has(const std::vector<uint64_t>& plane, char32_t c) { return plane[c / 64] >> c % 64 & 1; }
  bool is_together(std::string_view text, size_t pos) const {
    return utf8_size(text[pos]) <= 3 && has(together_, next_code_point(text, pos));
  }

  // How much of the beginning of `text` surely is from ' ' to '~'; most words are as a whole.
  static size_t skip_plain_ascii(std::string_view text) {
    constexpr uint64_t kOnes = 0x0101010101010101;
    const auto is_plain = [](uint64_t bytes) {
      return ((bytes | (bytes - kOnes * ' ') | (bytes + kOnes)) & kOnes * 0x80) == 0;
    };
    const auto load = [&](size_t pos) {
      uint64_t bytes;
      std::memcpy(&bytes, text.data() + pos, sizeof(bytes));
      return bytes;
    };
    if (text.size() < sizeof(uint64_t)) {
      uint64_t bytes = kOnes * ' ';
      for (const char byte : text) bytes = bytes << 8 | static_cast<uint8_t>(byte);
      return is_plain(bytes) ? text.size() : 0;
    }
    const size_t last = text.size() - sizeof(uint64_t);
    size_t pos = 0;
    for (; pos < last; pos += sizeof(uint64_t)) {
      if (!is_plain(load(pos))) return pos;
    }
    return is_plain(load(last)) ? text.size() : pos;
  }

  std::array<Kept, 256> by_first_byte_ = {};
  std::vector<uint64_t> plane_;  // a bit for each character of up to three bytes
  // The same for those that stay before each other: most that begin a rule do so only before a few others.
  std::vector<uint64_t> together_;
  bool keeps_plain_ascii_;  // together
  ByteSet others_;          // bytes but those of ASCII that stay, before ASCII at least
};

}  // namespace tidemill
