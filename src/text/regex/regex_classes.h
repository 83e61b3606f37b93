// Character classes of regular expressions: what names mean in Oniguruma 6.9 with Unicode 16.0.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "text/unicode/code_point_set.h"

namespace tidemill {

// The characters of \p{name}: categories, scripts, POSIX names and a few properties from our own tables, and what else
// PCRE2 knows (\p{Emoji}).  Spaces, '_', '-' and case in names do not matter.  Empty for an unknown name.
std::optional<CodePointSet> find_property(std::string_view name);
// The characters of [[:name:]]; empty for an unknown name.
std::optional<CodePointSet> find_posix_class(std::string_view name);

// \w, \d, \s, \h (hexadecimal digits) by their letter.  Outside brackets \w has six more characters, such as U+00B2.
enum class Brackets : uint8_t { inside, outside };
std::optional<CodePointSet> find_shorthand(char letter, Brackets brackets);

}  // namespace tidemill
