// The names of byte tokens, "<0x00>" to "<0xFF>", which spell characters that a vocabulary lacks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/unicode/digit.h"

namespace tidemill {

inline std::string byte_token_name(size_t byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return {'<', '0', 'x', kDigits[byte / 16], kDigits[byte % 16], '>'};
}

// The byte that "<0xHH>" names, in digits of either case; nothing for any other name.
inline std::optional<uint8_t> byte_of_token(std::string_view name) {
  if (name.size() != 6 || !name.starts_with("<0x") || name[5] != '>') return {};
  const int high = digit_value(name[3]);
  const int low = digit_value(name[4]);
  if (high < 0 || low < 0) return {};
  return static_cast<uint8_t>(high * 16 + low);
}

inline std::array<int32_t, 256> no_byte_ids() {
  std::array<int32_t, 256> ids;
  ids.fill(-1);
  return ids;
}

}  // namespace tidemill
