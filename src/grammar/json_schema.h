// JSON Schema (2020-12, and what of earlier drafts tools still send) as a grammar of the JSON texts that satisfy it.
// docs/constrained.md says what is enforced, and how.
#pragma once

#include <string_view>

#include "grammar/rules.h"

namespace tidemill::grammar {

// Adds rules for the schema in `text` and returns the one for a whole document.  Throws GrammarError with the path of
// what is wrong or cannot be enforced.
RuleId read_json_schema(std::string_view text, Rules& rules);

}  // namespace tidemill::grammar
