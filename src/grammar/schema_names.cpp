// Names of members that "properties" does not list: patternProperties, propertyNames, additionalProperties.
#include <algorithm>

#include "grammar/schema_compiler.h"

namespace tidemill::grammar {
namespace {

using Json = SchemaCompiler::Json;

constexpr std::array kNameKeywords = {"type", "pattern", "minLength", "maxLength", "format", "description", "title"};

// The names that `schema` lists; null when it lists none.
Json listed_names(const Json& schema) {
  if (!schema.is_object()) return {};
  if (schema.contains("const")) return Json::array({schema["const"]});
  return schema.contains("enum") && schema["enum"].is_array() ? schema["enum"] : Json();
}

}  // namespace

// The strings of a schema that says nothing but how they are written.
NameSet SchemaCompiler::names_of(const Json& schema, const SchemaPath& path) const {
  for (const auto& [keyword, value] : schema.items())
    if (std::find(kNameKeywords.begin(), kNameKeywords.end(), keyword) == kNameKeywords.end())
      (path / keyword).fail("cannot be enforced for names; give a pattern, a length, a format or an enum");
  Rules rules;  // apart: its rules are for asking only
  SchemaCompiler apart(document_, rules);
  const RuleId root = rules.new_rule("name");
  rules.define(root, apart.string(schema, path));
  return NameSet(grammar::compile(rules, root));
}

// What may stand beside the properties, which get what is said of their names.
std::vector<SchemaCompiler::OtherNames> SchemaCompiler::other_names(const Json& schema, Json& properties,
                                                                    const SchemaPath& path) {
  if (is_given(schema, "patternProperties")) return names_by_patterns(schema, properties, path);
  // Who lists properties and says nothing of others wants none, as with OpenAI; what is left out is still valid.
  const bool lists_any =
      std::any_of(properties.begin(), properties.end(), [](const Json& value) { return value != false; });
  const Json others = schema.contains("additionalProperties") ? schema["additionalProperties"] : Json(!lists_any);
  const SchemaPath at = path / "additionalProperties";
  const Json names = is_given(schema, "propertyNames") ? behind_references(schema["propertyNames"]) : Json(true);
  if (names == true) return others == false ? std::vector<OtherNames>() : std::vector<OtherNames>{{{}, others, at}};
  const SchemaPath names_path = path / "propertyNames";
  if (names != false && !names.is_object()) names_path.fail("must be a schema: an object, true or false");
  if (const Json listed = names == false ? Json::array() : listed_names(names); listed.is_array()) {
    for (auto& [name, value] : properties.items())
      if (std::find(listed.begin(), listed.end(), Json(name)) == listed.end()) value = false;
    for (const Json& name : listed)
      if (others != false && name.is_string() && !properties.contains(name.get<std::string>()))
        properties[name.get<std::string>()] = others;
    return {};
  }
  NameSet allowed = names_of(names, names_path);
  for (auto& [name, value] : properties.items()) {
    if (!allowed.contains(name)) value = false;
    if (value != false && others != false)
      names_path.fail("allows '" + name + "', which is among the properties, so that others may have its name");
  }
  return others == false ? std::vector<OtherNames>() : std::vector<OtherNames>{{names, others, names_path}};
}

std::vector<SchemaCompiler::OtherNames> SchemaCompiler::names_by_patterns(const Json& schema, Json& properties,
                                                                          const SchemaPath& path) {
  const SchemaPath at = path / "patternProperties";
  const Json& patterns = schema["patternProperties"];
  if (!patterns.is_object()) at.fail("must be an object");
  if (schema.value("additionalProperties", Json(false)) != false)
    (path / "additionalProperties").fail("must be false beside 'patternProperties'");
  if (is_given(schema, "propertyNames")) (path / "propertyNames").fail("cannot be joined with 'patternProperties'");
  std::vector<OtherNames> result;
  std::vector<NameSet> sets;
  const Json required = schema.value("required", Json::array());
  for (const auto& [pattern, value] : patterns.items()) {
    const SchemaPath here = at / pattern;
    const Json names = {{"pattern", pattern}};
    NameSet set = names_of(names, here);
    for (auto& [name, said] : properties.items())
      if (set.contains(name)) here.fail("allows '" + name + "', which is among the properties; change one of them");
    for (const Json& name : required)
      if (name.is_string() && set.contains(name.get<std::string>()))
        here.fail("allows '" + name.get<std::string>() + "', which is required; list it among the properties");
    for (size_t k = 0; k < result.size(); ++k)
      if (result[k].value != value && set.may_meet(sets[k]))
        here.fail("and '" + result[k].names["pattern"].get<std::string>() +
                  "' may hold for one name; make them exclude each other");
    sets.push_back(std::move(set));
    if (value != false) result.push_back({names, value, here});
  }
  return result;
}

}  // namespace tidemill::grammar
