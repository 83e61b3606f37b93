// Which characters a normalizer surely leaves as they are, whatever stands around them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
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
    if (kept != Kept::not_sure) return kept == Kept::always || is_before_ascii(text, pos);
    const size_t size = utf8_size(text[pos]);
    if (size != 2 && size != 3) return false;
    const char32_t c = next_code_point(text, pos);
    return plane_[c / 64] >> c % 64 & 1;
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

  std::array<Kept, 256> by_first_byte_ = {};
  std::vector<uint64_t> plane_;  // a bit for each character of up to three bytes
  ByteSet others_;               // bytes but those of ASCII that stay, before ASCII at least
};

}  // namespace tidemill
