// Arrays: prefixItems, items, minItems, maxItems, uniqueItems.
#include <algorithm>
#include <bit>

#include "grammar/schema_compiler.h"

namespace tidemill::grammar {

ExpressionId SchemaCompiler::array(const Json& schema, const SchemaPath& path) {
  const uint32_t min = read_count(schema, "minItems", path).value_or(0);
  const uint32_t max = read_count(schema, "maxItems", path).value_or(kUnlimited);
  if (schema.contains("uniqueItems") && schema["uniqueItems"] == true && max > 1)
    return distinct_items(schema, min, max, path);
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

// Arrays whose items are all different, of some values that are listed.  Rule (set): what may follow when those of the
// set are used.
ExpressionId SchemaCompiler::distinct_items(const Json& schema, uint32_t min, uint32_t max, const SchemaPath& path) {
  constexpr size_t kMostValues = 8;
  const Json& items = schema.contains("items") ? behind_references(schema["items"]) : Json();
  Json listed = items.is_object() && items.size() <= 2 && items.contains("enum") ? items["enum"] : Json();
  const bool is_plain = items.size() == 1 || (items.size() == 2 && items.contains("type"));
  if (items == Json{{"type", "boolean"}}) listed = Json::array({true, false});
  if (!listed.is_array() || !is_plain || listed.size() > kMostValues || schema.contains("prefixItems"))
    (path / "uniqueItems").fail("can be enforced for items of up to 8 values that 'enum' lists only; leave it out");
  Json all = Json::array();
  for (const Json& value : listed)
    if (std::find(all.begin(), all.end(), value) == all.end()) all.push_back(value);
  if (min > all.size()) (path / "minItems").fail("asks for more items than there are values");

  std::vector<ExpressionId> values;  // nothing for a value that "type" excludes
  for (const Json& value : all) {
    Json one = items;
    one["enum"] = Json::array({value});
    values.push_back(any_schema(one, path / "items"));
  }
  const ExpressionId comma = text_.comma();
  const ExpressionId close = rules_.sequence({text_.space(), rules_.literal("]")});
  const uint32_t n_sets = 1U << values.size();
  std::vector<ExpressionId> after(n_sets);
  for (uint32_t used = n_sets; used-- > 0;) {  // larger sets first
    const auto n_used = static_cast<uint32_t>(std::popcount(used));
    std::vector<ExpressionId> parts;
    if (n_used >= min) parts.push_back(n_used == 0 ? rules_.literal("]") : close);
    for (size_t k = 0; k < values.size() && n_used < max; ++k) {
      if ((used >> k & 1U) != 0) continue;
      const ExpressionId next = after[used | 1U << k];
      parts.push_back(n_used == 0 ? rules_.sequence({values[k], next}) : rules_.sequence({comma, values[k], next}));
    }
    const RuleId rule = rules_.new_rule("distinct items");
    rules_.define(rule, rules_.choice(std::move(parts)));
    after[used] = rules_.reference(rule);
  }
  return rules_.sequence({rules_.literal("["), text_.space(), after[0]});
}

}  // namespace tidemill::grammar
