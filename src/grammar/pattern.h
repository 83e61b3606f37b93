// Patterns of JSON Schema (ECMA-262) as the JSON strings that match.
//
// Classes are taken narrowly: \w, \d and \s are ASCII's, \W, \D and \S exclude what any engine counts among those, so
// that what is written matches for readers in every language.
#pragma once

#include <string_view>

#include "grammar/json_text.h"
#include "grammar/rules.h"
#include "grammar/schema_path.h"

namespace tidemill::grammar {

// How many characters a string may have; `max` may be kUnlimited.
struct Lengths {
  uint32_t min = 0, max = kUnlimited;
};

// The content of a JSON string, without quotes, that matches `pattern` somewhere, as JSON Schema means it, and has a
// length that is allowed.  Throws GrammarError at `path` for what is malformed, cannot be enforced, or cannot be joined
// with the lengths.
ExpressionId read_pattern(std::string_view pattern, Lengths lengths, Rules& rules, JsonText& text,
                          const SchemaPath& path);

}  // namespace tidemill::grammar
