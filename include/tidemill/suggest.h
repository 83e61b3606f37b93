// Suggestions for words that a user may have mistyped.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tidemill {

// The candidate that is fewest edits away from `word` (insertions, deletions, replacements; Levenshtein 1966), the
// first among equals; empty when none is near enough to be a slip: at most a third of the word and never over three.
std::string nearest_word(std::string_view word, std::span<const std::string> candidates);

}  // namespace tidemill
