// Tokens of a vocabulary that spells spaces as U+2581, as raw texts spell them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "text/pieces/piece_key.h"
#include "text/pieces/space_symbol.h"

namespace tidemill {

// The key of `name` with a space for each U+2581; empty where it is too long, and for names with spaces, which no text
// becomes.
inline PieceKey raw_name_key(std::string_view name) {
  if (name.size() > kSpaceSymbol.size() * PieceKey::kLongest || name.find(' ') != name.npos) return {};
  std::array<char, PieceKey::kLongest> raw;
  size_t size = 0;
  for (size_t pos = 0; pos < name.size();) {
    if (size == raw.size()) return {};
    // Most stand at the front.
    if (name.compare(pos, kSpaceSymbol.size(), kSpaceSymbol) == 0) {
      raw[size++] = ' ';
      pos += kSpaceSymbol.size();
      continue;
    }
    const size_t end = std::min(name.find(kSpaceSymbol[0], pos + 1), name.size());
    if (end - pos > raw.size() - size) return {};
    std::copy(name.begin() + pos, name.begin() + end, raw.begin() + size);
    size += end - pos;
    pos = end;
  }
  return piece_key({raw.data(), size});
}

}  // namespace tidemill
