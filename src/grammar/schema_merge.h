// Schemas made of several: allOf, and what stands beside $ref and anyOf.
#pragma once

#include <nlohmann/json.hpp>

#include "grammar/schema_path.h"

namespace tidemill::grammar {

// A schema that is satisfied by what satisfies both `a` and `b`.  Throws GrammarError, naming the keyword, where two
// values of one cannot be made one.  Alternatives of both remain in "allOf".
nlohmann::ordered_json merge_schemas(const nlohmann::ordered_json& a, const nlohmann::ordered_json& b,
                                     const SchemaPath& path);

}  // namespace tidemill::grammar
