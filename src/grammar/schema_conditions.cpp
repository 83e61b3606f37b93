// Conditions: dependentRequired, dependentSchemas, dependencies, if, then, else and not.  Each stands for alternatives
// that can be written down, or for values that are left out; what does not is refused.
#include <algorithm>
#include <utility>

#include "grammar/schema_compiler.h"
#include "grammar/schema_merge.h"

namespace tidemill::grammar {
namespace {

using Json = SchemaCompiler::Json;

constexpr size_t kMostDependencies = 8;  // each doubles the alternatives

Json without_property(const std::string& name) {
  return {{"properties", {{name, false}}}};
}

// Whether a property has to be there and must not.
bool contradicts_itself(const Json& schema) {
  const Json required = schema.value("required", Json::array());
  const Json properties = schema.value("properties", Json::object());
  return std::any_of(required.begin(), required.end(), [&](const Json& name) {
    return name.is_string() && properties.value(name.get<std::string>(), Json(true)) == false;
  });
}

// The only member of an object; null when it has another number of them.
const Json* only_member(const Json& object) {
  return object.is_object() && object.size() == 1 ? &*object.begin() : nullptr;
}

bool is_only(const Json& schema, std::initializer_list<const char*> keywords) {
  return std::all_of(schema.items().begin(), schema.items().end(), [&](const auto& item) {
    return std::find(keywords.begin(), keywords.end(), item.key()) != keywords.end();
  });
}

// The schemas of all objects that do not satisfy `condition`; none when they cannot be written down.
std::vector<Json> opposites(const Json& condition) {
  if (!condition.is_object() || !is_only(condition, {"properties", "required", "type"})) return {};
  if (condition.value("type", Json("object")) != "object") return {};
  const Json required = condition.value("required", Json::array());
  const Json properties = condition.value("properties", Json::object());
  if (!required.is_array() || required.size() > 1 || !properties.is_object() || properties.size() > 1) return {};
  std::vector<Json> result;
  std::string name;
  if (!required.empty()) {
    if (!required[0].is_string()) return {};
    name = required[0].get<std::string>();
    result.push_back(without_property(name));
  }
  if (const Json* value = only_member(properties)) {
    const std::string of = properties.begin().key();
    if (!name.empty() && name != of) return {};
    if (!value->is_object() || !is_only(*value, {"const", "enum"}) || value->size() != 1) return {};
    result.push_back({{"properties", {{of, {{"not", *value}}}}}, {"required", Json::array({of})}});
  }
  return result;
}

// The first of a schema's dependencies: what has to hold where the property `name` is there.
struct Dependency {
  std::string name;
  Json schema;
  Json rest;  // the schema without it
};

Dependency take_dependency(const Json& schema, const char* keyword, const SchemaPath& path) {
  const Json& all = schema[keyword];
  if (!all.is_object()) (path / keyword).fail("must be an object");
  if (all.size() > kMostDependencies)
    (path / keyword).fail("has more than " + std::to_string(kMostDependencies) + " members, which is too many");
  Dependency found{.name = {}, .schema = true, .rest = schema};
  if (all.empty()) {
    found.rest.erase(keyword);
    return found;
  }
  found.name = all.begin().key();
  const Json& value = *all.begin();
  found.schema = value.is_array() ? Json{{"required", value}} : value;
  found.rest[keyword].erase(found.name);
  if (found.rest[keyword].empty()) found.rest.erase(keyword);
  return found;
}

}  // namespace

bool has_condition(const Json& schema) {
  return std::any_of(kConditions.begin(), kConditions.end(), [&](const char* word) { return is_given(schema, word); });
}

ExpressionId SchemaCompiler::conditional(const Json& schema, const SchemaPath& path) {
  for (const char* keyword : {"dependentRequired", "dependentSchemas", "dependencies"})
    if (is_given(schema, keyword)) return dependent(schema, keyword, path);
  Json rest = schema;
  for (const char* keyword : {"if", "then", "else"}) rest.erase(keyword);
  if (!is_given(schema, "if") || (!is_given(schema, "then") && !is_given(schema, "else")))
    return any_schema(rest, path);
  const auto branch = [&](const Json& condition, const char* keyword) {
    const Json& said = is_given(schema, keyword) ? behind_references(schema[keyword]) : Json(true);
    if (said == false) return rules_.nothing();
    Json both = merge_schemas(rest, condition, path / "if");
    if (said != true) both = merge_schemas(both, said, path / keyword);
    return contradicts_itself(both) ? rules_.nothing() : any_schema(both, path);
  };
  const Json& condition = behind_references(schema["if"]);
  if (condition.is_boolean()) return branch(Json::object(), condition == true ? "then" : "else");
  const std::vector<Json> others = opposites(condition);
  if (others.empty())
    (path / "if").fail("cannot be enforced; ask whether one property is there, or has one of some values");
  std::vector<ExpressionId> parts = {branch(condition, "then")};
  for (const Json& other : others) parts.push_back(branch(other, "else"));
  return rules_.choice(std::move(parts));
}

// The property is not there, or what depends on it holds.
ExpressionId SchemaCompiler::dependent(const Json& schema, const char* keyword, const SchemaPath& path) {
  const Dependency found = take_dependency(schema, keyword, path);
  if (found.name.empty()) return any_schema(found.rest, path);
  const SchemaPath at = path / keyword / found.name;
  const Json& wanted = behind_references(found.schema);
  if (!wanted.is_object() && !wanted.is_boolean()) at.fail("must be a list of names, or a schema");
  std::vector<ExpressionId> parts;
  const auto add = [&](const Json& alternative) {
    if (!contradicts_itself(alternative)) parts.push_back(any_schema(alternative, path));
  };
  const Json present = merge_schemas(found.rest, Json{{"required", Json::array({found.name})}}, at);
  if (wanted != false) add(wanted == true ? present : merge_schemas(present, wanted, at));
  add(merge_schemas(found.rest, without_property(found.name), at));
  return rules_.choice(std::move(parts));
}

Exclusions read_exclusions(const Json& schema, const SchemaPath& path) {
  Exclusions result;
  const auto found = schema.find("not");
  if (found == schema.end()) return result;
  const SchemaPath at = path / "not";
  if (const Json* value = only_member(*found)) {
    const std::string keyword = found->begin().key();
    const Json list = value->is_array() && keyword != "const" ? *value : Json::array({*value});
    if (keyword == "const" || keyword == "enum") {
      result.values = list;
      return result;
    }
    if (keyword == "type") {
      result.types = list;
      return result;
    }
  }
  at.fail("cannot be enforced; it may name values (const, enum) or types");
}

}  // namespace tidemill::grammar
