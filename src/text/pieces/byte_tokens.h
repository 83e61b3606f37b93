// The names of byte tokens, "<0x00>" to "<0xFF>", which spell characters that a vocabulary lacks.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace tidemill {

inline std::string byte_token_name(size_t byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return {'<', '0', 'x', kDigits[byte / 16], kDigits[byte % 16], '>'};
}

inline std::array<int32_t, 256> no_byte_ids() {
  std::array<int32_t, 256> ids;
  ids.fill(-1);
  return ids;
}

}  // namespace tidemill
