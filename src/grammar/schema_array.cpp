// Arrays: prefixItems, items, minItems, maxItems.
#include <algorithm>

#include "grammar/schema_compiler.h"

namespace tidemill::grammar {

ExpressionId SchemaCompiler::array(const Json& schema, const SchemaPath& path) {
  const uint32_t min = read_count(schema, "minItems", path).value_or(0);
  const uint32_t max = read_count(schema, "maxItems", path).value_or(kUnlimited);
  if (schema.contains("uniqueItems") && schema["uniqueItems"] == true && max > 1)
    (path / "uniqueItems").fail("cannot be enforced; leave it out");
  // Earlier drafts wrote prefixItems as a list of items, and items behind them as additionalItems.
  const bool is_old = schema.contains("items") && schema["items"].is_array();
  const char* const prefix_keyword = is_old ? "items" : "prefixItems";
  const char* const rest_keyword = is_old ? "additionalItems" : "items";
  const Json prefix = schema.contains(prefix_keyword) ? schema[prefix_keyword] : Json::array();
  if (!prefix.is_array()) (path / prefix_keyword).fail("must be a list of schemas");
  const Json rest = schema.contains(rest_keyword) ? schema[rest_keyword] : Json(prefix.empty());

  const auto n_prefix = static_cast<uint32_t>(std::min<size_t>(prefix.size(), max));
  const ExpressionId close = rules_.sequence({text_.space(), rules_.literal("]")});
  // From the last item to the first: what may follow the first k items.
  const uint32_t n_needed = min > n_prefix ? min - n_prefix : 0;
  const uint32_t n_allowed = max == kUnlimited ? kUnlimited : max - n_prefix;
  ExpressionId after = close;
  if (n_allowed > 0 && rest != false) {
    const RuleId rule = rules_.new_rule("item");
    rules_.define(rule, any_schema(rest, path / rest_keyword));
    const ExpressionId item = rules_.reference(rule);
    const ExpressionId next = rules_.sequence({text_.comma(), item});
    if (n_prefix > 0) {
      after = rules_.sequence({rules_.repeat(next, n_needed, n_allowed), close});
    } else {
      const uint32_t n_more = n_allowed == kUnlimited ? kUnlimited : n_allowed - 1;
      const ExpressionId more = rules_.repeat(next, n_needed > 0 ? n_needed - 1 : 0, n_more);
      const ExpressionId some = rules_.sequence({item, more, close});
      after = n_needed > 0 ? some : rules_.choice({some, rules_.literal("]")});
    }
  } else if (n_needed > 0) {
    (path / "minItems").fail("asks for more items than there may be");
  } else if (n_prefix == 0) {
    after = rules_.literal("]");
  }
  for (uint32_t k = n_prefix; k-- > 0;) {
    const ExpressionId item = any_schema(prefix[k], path / prefix_keyword / k);
    const ExpressionId here = k == 0 ? rules_.sequence({item, after}) : rules_.sequence({text_.comma(), item, after});
    // Each in a rule of its own, for they nest.
    const RuleId rule = rules_.new_rule("items");
    rules_.define(rule, k >= min ? rules_.choice({here, k == 0 ? rules_.literal("]") : close}) : here);
    after = rules_.reference(rule);
  }
  return rules_.sequence({rules_.literal("["), text_.space(), after});
}

}  // namespace tidemill::grammar
