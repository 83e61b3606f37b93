// Strings and bytes as Python writes them: 'it\'s', "\u00e4", b'\xff'.
//
//   The Python Language Reference, section 2.4.1, without prefixes but b, triple quotes and names of characters.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemill {

// The bytes of the literal that `text` is, in UTF-8 for a string; nothing for anything else, and for a character that
// UTF-8 cannot have.
std::optional<std::string> read_python_literal(std::string_view text);

}  // namespace tidemill
