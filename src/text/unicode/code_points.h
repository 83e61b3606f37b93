// Stepping through valid UTF-8, character by character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tidemill {

// Bytes of the character that starts with `lead`.
inline size_t utf8_size(char lead) {
  const uint8_t byte = static_cast<uint8_t>(lead);
  if (byte < 0x80) return 1;
  return byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// The character at `pos`, which is moved behind it.  `text` is valid UTF-8 and `pos` the start of a character.
inline char32_t next_code_point(std::string_view text, size_t& pos) {
  const auto byte = [&](size_t k) { return static_cast<char32_t>(static_cast<uint8_t>(text[pos + k])); };
  const size_t size = utf8_size(text[pos]);
  char32_t c = byte(0);
  if (size == 2) {
    c = (c & 0x1F) << 6 | (byte(1) & 0x3F);
  } else if (size == 3) {
    c = (c & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  } else if (size == 4) {
    c = (c & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  }
  pos += size;
  return c;
}

// Where the character that ends at `end` starts; end > 0.
inline size_t previous_start(std::string_view text, size_t end) {
  do --end;
  while ((static_cast<uint8_t>(text[end]) & 0xC0) == 0x80);
  return end;
}

// The UTF-8 of one character.
class Utf8Character {
 public:
  explicit Utf8Character(char32_t c) {
    if (c < 0x80) {
      put(static_cast<uint32_t>(c));
      return;
    }
    const uint32_t n_more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    put((0xFF00u >> (n_more + 1) & 0xFF) | static_cast<uint32_t>(c) >> 6 * n_more);
    for (uint32_t k = n_more; k-- > 0;) put(0x80 | (static_cast<uint32_t>(c) >> 6 * k & 0x3F));
  }
  operator std::string_view() const { return {bytes_, size_}; }

 private:
  void put(uint32_t byte) { bytes_[size_++] = static_cast<char>(byte); }

  char bytes_[4];
  size_t size_ = 0;
};

inline void append_code_point(std::string& text, char32_t c) {
  text += Utf8Character(c);
}

// Where the run of ASCII that starts at `pos` ends; eight bytes at a time.
inline size_t skip_ascii(std::string_view text, size_t pos) {
  for (; pos + 8 <= text.size(); pos += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + pos, 8);
    if (word & 0x8080808080808080u) break;
  }
  while (pos < text.size() && static_cast<uint8_t>(text[pos]) < 0x80) ++pos;
  return pos;
}

}  // namespace tidemill
