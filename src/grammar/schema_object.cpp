// Objects: properties in their order, required, additionalProperties, minProperties, maxProperties.
#include <algorithm>
#include <map>
#include <utility>

#include "grammar/schema_compiler.h"

namespace tidemill::grammar {
namespace {

using Json = SchemaCompiler::Json;

// Where other properties are allowed, names become automata.
constexpr size_t kMaxNameBytes = 1000;

struct Property {
  ExpressionId member;  // key, colon and value
  bool is_required;
};

// The members of an object, of which some may be left out.  Rule (k, n): what follows when the first k properties are
// decided and n members were written; n is not counted past what matters.
class Members {
 public:
  Members(Rules& rules, JsonText& text, std::vector<Property> properties, std::optional<ExpressionId> extra,
          uint32_t min, uint32_t max)
      : rules_(rules),
        properties_(std::move(properties)),
        extra_(extra),
        min_(min),
        max_(max),
        n_counted_(max == kUnlimited ? std::max<uint32_t>(min, 1) : max),
        comma_(text.comma()),
        close_(rules.sequence({text.space(), rules.literal("}")})) {}

  // From the last property to the first, so that nothing is entered twice.
  ExpressionId build() {
    const auto n_properties = static_cast<uint32_t>(properties_.size());
    std::vector<ExpressionId> after = ends();
    for (uint32_t k = n_properties; k-- > 0;) {
      std::vector<ExpressionId> here;
      const uint32_t n_most = std::min(n_counted_, k);
      for (uint32_t n = 0; n <= n_most; ++n) {
        const RuleId rule = rules_.new_rule("members");
        rules_.define(rule, at(k, n, after));
        here.push_back(rules_.reference(rule));
      }
      after = std::move(here);
    }
    return after.front();
  }

 private:
  ExpressionId at(uint32_t k, uint32_t n, const std::vector<ExpressionId>& after) {
    const Property& property = properties_[k];
    std::vector<ExpressionId> parts;
    if (n < max_) {
      const uint32_t n_after = std::min(n + 1, n_counted_);
      std::vector<ExpressionId> with = {property.member, after[n_after]};
      if (n > 0) with.insert(with.begin(), comma_);
      parts.push_back(rules_.sequence(std::move(with)));
    }
    if (!property.is_required) parts.push_back(after[n]);
    return rules_.choice(std::move(parts));
  }

  // What follows the last property, by the number of members before.
  std::vector<ExpressionId> ends() {
    std::vector<ExpressionId> result;
    const uint32_t n_most = std::min<uint32_t>(n_counted_, static_cast<uint32_t>(properties_.size()));
    for (uint32_t n = 0; n <= n_most; ++n) result.push_back(end_after(n));
    return result;
  }

  ExpressionId end_after(uint32_t n) {
    const ExpressionId close = n == 0 ? rules_.literal("}") : close_;
    const uint32_t needed = min_ > n ? min_ - n : 0;
    const uint32_t allowed = max_ == kUnlimited ? kUnlimited : max_ - n;
    if (!extra_ || allowed == 0) return needed == 0 ? close : rules_.nothing();
    const ExpressionId next = rules_.sequence({comma_, *extra_});
    if (n > 0) return rules_.sequence({rules_.repeat(next, needed, allowed), close_});
    const uint32_t n_more = allowed == kUnlimited ? kUnlimited : allowed - 1;
    const ExpressionId some =
        rules_.sequence({*extra_, rules_.repeat(next, needed > 0 ? needed - 1 : 0, n_more), close_});
    return needed > 0 ? some : rules_.choice({some, close});
  }

  Rules& rules_;
  std::vector<Property> properties_;
  std::optional<ExpressionId> extra_;
  uint32_t min_, max_, n_counted_;
  ExpressionId comma_, close_;
};

std::vector<std::string> read_required(const Json& schema, const SchemaPath& path) {
  std::vector<std::string> names;
  if (!schema.contains("required")) return names;
  const Json& list = schema["required"];
  if (!list.is_array()) (path / "required").fail("must be a list of names");
  for (const Json& name : list) {
    if (!name.is_string()) (path / "required").fail("must be a list of names");
    names.push_back(name.get<std::string>());
  }
  return names;
}

}  // namespace

ExpressionId SchemaCompiler::object(const Json& schema, const SchemaPath& path) {
  Json properties = schema.contains("properties") ? schema["properties"] : Json::object();
  if (!properties.is_object()) (path / "properties").fail("must be an object");
  const std::vector<OtherNames> others = other_names(schema, properties, path);
  const std::vector<std::string> required = read_required(schema, path);

  std::vector<Property> members;
  const auto add = [&](const std::string& name, const Json& value, const SchemaPath& at) {
    const bool is_required = std::find(required.begin(), required.end(), name) != required.end();
    if (value == false && is_required) at.fail("is required, and must not be there");
    if (value == false) return;
    const RuleId member = rules_.new_rule("member");  // several rules lead to it
    rules_.define(member, rules_.sequence({text_.key(name), text_.colon(), any_schema(value, at)}));
    members.push_back({rules_.reference(member), is_required});
  };
  for (const auto& [name, value] : properties.items()) add(name, value, path / "properties" / name);
  const Json unlisted = schema.contains("additionalProperties") ? schema["additionalProperties"] : Json(true);
  for (const std::string& name : required)
    if (!properties.contains(name)) {
      if (unlisted == false) (path / "required").fail("'" + name + "' is not among the properties");
      properties[name] = unlisted;
      add(name, unlisted, path / "additionalProperties");
    }

  const uint32_t min = read_count(schema, "minProperties", path).value_or(0);
  const uint32_t max = read_count(schema, "maxProperties", path).value_or(kUnlimited);
  std::vector<ExpressionId> extras;
  for (const OtherNames& other : others) {
    if (min > members.size() + 1 || (min > required.size() + 1))
      (path / "minProperties").fail("cannot be enforced: names that nobody lists may be equal; list them");
    const ExpressionId name =
        other.names.is_null() ? any_other_name(properties, path) : string(other.names, other.path);
    const RuleId member = rules_.new_rule("other member");
    rules_.define(member, rules_.sequence({name, text_.colon(), any_schema(other.value, other.path)}));
    extras.push_back(rules_.reference(member));
  }
  const std::optional<ExpressionId> extra = extras.empty() ? std::nullopt : std::optional(rules_.choice(extras));
  return rules_.sequence(
      {rules_.literal("{"), text_.space(), Members(rules_, text_, std::move(members), extra, min, max).build()});
}

ExpressionId SchemaCompiler::any_other_name(const Json& properties, const SchemaPath& path) {
  std::vector<std::string> names;
  for (const auto& [name, value] : properties.items()) {
    if (name.size() > kMaxNameBytes) (path / "properties").fail("a name is longer than 1,000 bytes");
    names.push_back(name);
  }
  return names.empty() ? text_.any_string() : text_.string_other_than(names);
}

}  // namespace tidemill::grammar
