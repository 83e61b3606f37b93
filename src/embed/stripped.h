// Text without white space at its ends, as Python's str.strip() leaves it: what sentence-transformers encodes.
#pragma once

#include <string_view>

namespace tidemill {

// Bytes that are not UTF-8 are no white space.
std::string_view stripped(std::string_view text);

}  // namespace tidemill
