// Numbers within bounds, as the digits that JSON writes.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "grammar/json_text.h"
#include "grammar/rules.h"
#include "grammar/schema_path.h"

namespace tidemill::grammar {

// A bound as a decimal: a sign, digits before the point, and behind it without zeros at the end.
struct Decimal {
  bool is_negative = false;
  std::string whole = "0", fraction = {};

  bool is_zero() const { return whole == "0" && fraction.empty(); }
};

struct Bound {
  Decimal value;
  bool is_open = false;  // the bound itself is excluded
};

struct NumberRange {
  std::optional<Bound> least, greatest;
};

// minimum, maximum, exclusiveMinimum, exclusiveMaximum, the last two also as draft 4 had them.  Throws GrammarError for
// what is no number, and for bounds of more than 18 digits on a side of the point.
NumberRange read_range(const nlohmann::ordered_json& schema, const SchemaPath& path);

// Whole numbers or, with `has_fraction`, decimals without exponent, in the range; up to 18 digits on each side of the
// point.
ExpressionId numbers_within(const NumberRange& range, bool has_fraction, Rules& rules);

}  // namespace tidemill::grammar
