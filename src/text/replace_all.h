#pragma once

#include <string>
#include <string_view>

namespace tidemill {

// `text` with every `pattern`, from left to right, replaced by `content`; as it is for an empty pattern.
std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content);

}  // namespace tidemill
