// How SentencePiece's vocabularies spell a space.
#pragma once

#include <string>
#include <string_view>

#include "text/replace_all.h"

namespace tidemill {

inline constexpr std::string_view kSpaceSymbol = "\u2581";

// ' ' becomes U+2581.
inline std::string escape_spaces(std::string_view text) {
  return replace_all(text, " ", kSpaceSymbol);
}
// U+2581 becomes ' '.
inline std::string unescape_spaces(std::string_view text) {
  return replace_all(text, kSpaceSymbol, " ");
}

}  // namespace tidemill
