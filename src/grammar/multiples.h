// Whole numbers that another divides.
#pragma once

#include <cstdint>

#include "grammar/number_range.h"
#include "grammar/rules.h"
#include "grammar/schema_path.h"

namespace tidemill::grammar {

// Multiples of `divisor`, 1 or more, in the range, of up to 18 digits.  Throws GrammarError at `path` where that cannot
// be written down: for divisors above 100, and for bounds other than 0, unless at most 1,000 lie between two bounds.
ExpressionId multiples_of(int64_t divisor, const NumberRange& range, Rules& rules, const SchemaPath& path);

}  // namespace tidemill::grammar
