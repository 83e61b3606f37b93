// Validating UTF-8 by vectors.
#pragma once

#include <cstddef>
#include <string_view>

namespace tidemill {

inline constexpr size_t kUtf8Block = 64;

// Bytes at the start of `text` that are whole valid characters.  What ended them, the end of the text or what is not
// UTF-8, lies less than two blocks behind.
size_t valid_utf8_blocks(std::string_view text);

}  // namespace tidemill
