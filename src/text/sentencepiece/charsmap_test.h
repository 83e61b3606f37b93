// For tests: builds the blob of a character map from its rules.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill {

inline std::string little_endian_bytes(uint32_t number) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(number >> shift & 0xFF);
  return bytes;
}

// Every node of the trie has 256 units of its own: its value first, then its children by their bytes.
inline std::string make_charsmap_blob(const std::map<std::string, std::string>& rules) {
  constexpr uint32_t kBlock = 256;
  std::vector<uint32_t> units(2 * kBlock);
  units[0] = kBlock << 10;  // the root's children lie in the second block; those of `\0` nowhere
  std::string replacements;
  for (const auto& [key, replacement] : rules) {
    uint32_t block = kBlock;
    uint32_t node = 0;
    for (const char c : key) {
      const auto byte = static_cast<uint8_t>(c);
      node = block ^ byte;
      if (units[node] == 0) {
        const auto children = static_cast<uint32_t>(units.size());
        units.resize(units.size() + kBlock);
        units[node] = (node ^ children) << 10 | byte;
      }
      block = node ^ units[node] >> 10;
    }
    units[node] |= 1u << 8;
    units[block] = 1u << 31 | static_cast<uint32_t>(replacements.size());
    replacements += replacement + '\0';
  }
  std::string blob = little_endian_bytes(static_cast<uint32_t>(4 * units.size()));
  for (const uint32_t unit : units) blob += little_endian_bytes(unit);
  return blob + replacements;
}

}  // namespace tidemill
