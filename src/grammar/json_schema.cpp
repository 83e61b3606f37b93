#include "grammar/json_schema.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "grammar/schema_compiler.h"
#include "grammar/schema_merge.h"

namespace tidemill::grammar {
namespace {

using Json = SchemaCompiler::Json;

constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr int kMaxDepth = 64;
constexpr size_t kMaxKeys = 1000;
// Schemas that may be compiled, counting those that alternatives multiply to.
constexpr size_t kMaxSchemas = 20'000;
constexpr int kMaxDisjointDepth = 8;

// Keywords that restrict what is valid and cannot be enforced.
constexpr std::array kRefused = {"contains",         "minContains",           "maxContains",  "$dynamicRef",
                                 "unevaluatedItems", "unevaluatedProperties", "$recursiveRef"};

constexpr std::array<std::string_view, 7> kTypes = {"object",  "array",   "string", "number",
                                                    "integer", "boolean", "null"};

// The type that a schema without one is about, by its keywords: what it says of others is nothing.
const char* implied_type(const Json& schema) {
  static constexpr std::pair<const char*, const char*> kImplied[] = {
      {"properties", "object"},       {"additionalProperties", "object"},
      {"required", "object"},         {"minProperties", "object"},
      {"maxProperties", "object"},    {"patternProperties", "object"},
      {"propertyNames", "object"},    {"items", "array"},
      {"prefixItems", "array"},       {"minItems", "array"},
      {"maxItems", "array"},          {"uniqueItems", "array"},
      {"minLength", "string"},        {"maxLength", "string"},
      {"pattern", "string"},          {"format", "string"},
      {"minimum", "number"},          {"maximum", "number"},
      {"exclusiveMinimum", "number"}, {"exclusiveMaximum", "number"},
      {"multipleOf", "number"},       {"dependentRequired", "object"},
      {"dependentSchemas", "object"}, {"dependencies", "object"},
  };
  for (const auto& [keyword, type] : kImplied)
    if (is_given(schema, keyword)) return type;
  return nullptr;
}

std::string type_of(const Json& value) {
  if (value.is_object()) return "object";
  if (value.is_array()) return "array";
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "boolean";
  if (value.is_null()) return "null";
  return value.is_number_integer() ? "integer" : "number";
}

std::vector<std::string> types_of(const Json& schema, const SchemaPath& path) {
  std::vector<std::string> types;
  if (const auto found = schema.find("type"); found != schema.end()) {
    const Json list = found->is_array() ? *found : Json::array({*found});
    for (const Json& type : list) {
      if (!type.is_string() || std::find(kTypes.begin(), kTypes.end(), type.get<std::string>()) == kTypes.end())
        (path / "type").fail("must be object, array, string, number, integer, boolean or null, or a list of these");
      types.push_back(type.get<std::string>());
    }
  } else if (const char* type = implied_type(schema)) {
    types.push_back(type);
  } else {
    return {kTypes.begin(), kTypes.end()};
  }
  if (const auto nullable = schema.find("nullable"); nullable != schema.end() && *nullable == true)
    types.push_back("null");  // OpenAPI's way
  return types;
}

bool has_type(const std::vector<std::string>& types, const Json& value) {
  const auto has = [&](const std::string& type) { return std::find(types.begin(), types.end(), type) != types.end(); };
  return has(type_of(value)) || (value.is_number() && has("number"));
}

Json without(Json schema, std::string_view keyword) {
  schema.erase(std::string(keyword));
  return schema;
}

class Depth {
 public:
  Depth(int& depth, const SchemaPath& path) : depth_(depth) {
    if (++depth_ > kMaxDepth) path.fail("is nested more than " + std::to_string(kMaxDepth) + " deep");
  }
  ~Depth() { --depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  int& depth_;
};

Json parse(std::string_view text) {
  if (text.size() > kMaxBytes) throw GrammarError("", "the schema has more than a million bytes");
  std::vector<size_t> n_keys(2 * kMaxDepth + 2);  // by depth; keys in their order are searched one by one
  const auto limit = [&](int depth, Json::parse_event_t event, Json&) {
    const bool is_object = event == Json::parse_event_t::object_start;
    const auto level = static_cast<size_t>(depth);
    if ((is_object || event == Json::parse_event_t::array_start) && depth >= 2 * kMaxDepth)
      throw GrammarError("", "the schema is nested too deeply");
    if (is_object) n_keys[level + 1] = 0;
    if (event == Json::parse_event_t::key && ++n_keys[level] > kMaxKeys)
      throw GrammarError("", "an object of the schema has more than " + std::to_string(kMaxKeys) + " keys");
    return true;
  };
  try {
    return Json::parse(text, limit);
  } catch (const Json::exception& error) {
    throw GrammarError("", std::string("the schema is not JSON: ") + error.what());
  }
}

}  // namespace

bool is_given(const Json& schema, const char* keyword) {
  return schema.contains(keyword);
}

std::optional<uint32_t> read_count(const Json& schema, const char* keyword, const SchemaPath& path) {
  const auto found = schema.find(keyword);
  if (found == schema.end()) return std::nullopt;
  const bool is_whole =
      found->is_number_integer() || (found->is_number_float() && found->get<double>() < 1e9 &&
                                     found->get<double>() == static_cast<int64_t>(found->get<double>()));
  if (!is_whole || found->get<double>() < 0) (path / keyword).fail("must be a whole number, 0 or more");
  constexpr uint32_t kMost = 1'000'000'000;
  return static_cast<uint32_t>(std::min<double>(found->get<double>(), kMost));
}

RuleId SchemaCompiler::compile() {
  const RuleId root = rules_.new_rule("#");
  references_["#"] = root;
  pending_.push_back({root, "#"});
  while (!pending_.empty()) {
    const Pending next = pending_.back();
    pending_.pop_back();
    std::string path = next.pointer.substr(std::min<size_t>(2, next.pointer.size()));
    std::replace(path.begin(), path.end(), '/', '.');
    rules_.define(next.rule, any_schema(find(next.pointer, SchemaPath()), SchemaPath(path)));
  }
  return root;
}

void SchemaCompiler::count_work(const SchemaPath& path) {
  if (++n_compiled_ > kMaxSchemas) path.fail("the schema is too large, with all its alternatives written out");
}

ExpressionId SchemaCompiler::any_schema(const Json& schema, const SchemaPath& path) {
  count_work(path);
  const Depth depth(depth_, path);
  if (schema == true) return text_.any_value();
  if (schema == false) return rules_.nothing();
  if (!schema.is_object()) path.fail("must be a schema: an object, true or false");
  for (const char* keyword : kRefused)
    if (is_given(schema, keyword)) (path / keyword).fail("cannot be enforced; leave it out");
  return resolved_schema(schema, path);
}

// Takes apart what is made of several schemas.
ExpressionId SchemaCompiler::resolved_schema(const Json& schema, const SchemaPath& path) {
  if (const auto found = schema.find("$ref"); found != schema.end()) {
    if (!found->is_string()) (path / "$ref").fail("must be a string");
    const std::string pointer = found->get<std::string>();
    const Json rest = without(schema, "$ref");
    const bool restricts = implied_type(rest) != nullptr || rest.contains("type") || rest.contains("enum") ||
                           rest.contains("const") || rest.contains("anyOf") || rest.contains("oneOf") ||
                           rest.contains("allOf") || rest.contains("not") || has_condition(rest);
    if (!restricts) return reference(pointer, path / "$ref");
    return any_schema(merge_schemas(find(pointer, path / "$ref"), rest, path), path);
  }
  if (const auto found = schema.find("allOf"); found != schema.end()) {
    if (!found->is_array() || found->empty()) (path / "allOf").fail("must be a list of schemas");
    Json merged = without(schema, "allOf");
    for (size_t k = 0; k < found->size(); ++k) {
      const Json& part = (*found)[k];
      if (part == false) return rules_.nothing();
      if (part == true) continue;
      if (!part.is_object()) (path / "allOf" / k).fail("must be a schema: an object, true or false");
      merged = merge_schemas(merged, behind_references(part), path / "allOf" / k);
    }
    return any_schema(merged, path);
  }
  for (const char* keyword : {"anyOf", "oneOf"})
    if (is_given(schema, keyword)) return alternatives(schema, keyword, path);
  return has_condition(schema) ? conditional(schema, path) : typed(schema, path);
}

ExpressionId SchemaCompiler::alternatives(const Json& schema, const char* keyword, const SchemaPath& path) {
  const Json& list = schema[keyword];
  if (!list.is_array() || list.empty()) (path / keyword).fail("must be a list of schemas");
  if (keyword == std::string_view("oneOf"))
    for (size_t a = 0; a < list.size(); ++a)
      for (size_t b = 0; b < a; ++b)
        if (!are_disjoint(list[b], list[a], 0))
          (path / keyword)
              .fail("alternatives " + std::to_string(b) + " and " + std::to_string(a) +
                    " may both hold for one value, which cannot be excluded; use anyOf");
  const Json rest = without(schema, keyword);
  const bool is_alone = std::none_of(rest.items().begin(), rest.items().end(), [](const auto& item) {
    static constexpr std::array kNotes = {"title",       "description", "default", "examples", "$defs",
                                          "definitions", "$schema",     "$id",     "$comment", "discriminator"};
    return std::find(kNotes.begin(), kNotes.end(), item.key()) == kNotes.end();
  });
  std::vector<ExpressionId> parts;
  for (size_t k = 0; k < list.size(); ++k) {
    const SchemaPath part_path = path / keyword / k;
    const bool is_plain = is_alone || !list[k].is_object();
    parts.push_back(
        any_schema(is_plain ? list[k] : merge_schemas(rest, behind_references(list[k]), part_path), part_path));
  }
  return rules_.choice(std::move(parts));
}

ExpressionId SchemaCompiler::typed(const Json& schema, const SchemaPath& path) {
  if (const auto list = schema.find("enum"); list != schema.end()) {
    if (!list->is_array()) (path / "enum").fail("must be a list");
    const auto value = schema.find("const");
    if (value == schema.end()) return values(*list, without(schema, "enum"), path / "enum");
    const bool is_listed = std::find(list->begin(), list->end(), *value) != list->end();
    return is_listed ? typed(without(schema, "enum"), path) : rules_.nothing();
  }
  if (const auto value = schema.find("const"); value != schema.end())
    return values(Json::array({*value}), without(schema, "const"), path / "const");
  std::vector<std::string> types = types_of(schema, path);
  const auto has = [&](const char* type) { return std::find(types.begin(), types.end(), type) != types.end(); };
  const Json excluded = read_exclusions(schema, path).types;
  const auto is_excluded = [&](const std::string& type) {
    return std::find(excluded.begin(), excluded.end(), type) != excluded.end();
  };
  if (is_excluded("integer") && has("number") && !is_excluded("number"))
    (path / "not").fail("integers cannot be left out of numbers");
  if (is_excluded("number")) std::erase(types, "integer");
  std::erase_if(types, is_excluded);
  if (has("number")) std::erase(types, "integer");
  std::vector<ExpressionId> parts;
  for (const std::string& type : types) parts.push_back(of_type(type, schema, path));
  return rules_.choice(std::move(parts));
}

ExpressionId SchemaCompiler::of_type(const std::string& type, const Json& schema, const SchemaPath& path) {
  Json excluded = read_exclusions(schema, path).values;
  const auto is_other = [&](const Json& value) {
    const std::string other = type_of(value);
    return other != type && !(other == "integer" && type == "number");
  };
  excluded.erase(std::remove_if(excluded.begin(), excluded.end(), is_other), excluded.end());
  if (!excluded.empty()) return of_type_except(type, excluded, schema, path);
  if (type == "object") return object(schema, path);
  if (type == "array") return array(schema, path);
  if (type == "string") return string(schema, path);
  if (type == "number") return number(schema, path);
  if (type == "integer") return integer(schema, path);
  return type == "boolean" ? text_.boolean() : text_.null();
}

// What is left of a type without some of its values.
ExpressionId SchemaCompiler::of_type_except(const std::string& type, const Json& excluded, const Json& schema,
                                            const SchemaPath& path) {
  if (type == "null") return rules_.nothing();
  if (type == "boolean") {
    const Json other = excluded[0] == false;
    return excluded.size() > 1 ? rules_.nothing() : text_.constant(other);
  }
  for (const char* keyword : {"pattern", "format", "minLength", "maxLength"})
    if (is_given(schema, keyword)) (path / "not").fail(std::string("cannot be joined with '") + keyword + "'");
  if (type != "string") (path / "not").fail("only strings, true, false and null can be left out");
  std::vector<std::string> texts;
  for (const Json& value : excluded) texts.push_back(value.get<std::string>());
  return text_.string_other_than(texts);
}

// Those of `values` whose type `schema` allows.
ExpressionId SchemaCompiler::values(const Json& values, const Json& schema, const SchemaPath& path) {
  const bool is_typed = schema.contains("type");
  const std::vector<std::string> types = is_typed ? types_of(schema, path) : std::vector<std::string>();
  for (const char* keyword : {"minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum",
                              "exclusiveMaximum", "multipleOf"})
    if (is_given(schema, keyword)) path.fail(std::string("cannot be joined with '") + keyword + "'; leave that out");
  const Exclusions excluded = read_exclusions(schema, path);
  const auto is_excluded = [&](const Json& value) {
    const auto is_type = [&](const Json& type) {
      return has_type({type.is_string() ? type.get<std::string>() : ""}, value);
    };
    return std::find(excluded.values.begin(), excluded.values.end(), value) != excluded.values.end() ||
           std::any_of(excluded.types.begin(), excluded.types.end(), is_type);
  };
  std::vector<ExpressionId> parts;
  for (const Json& value : values)
    if ((!is_typed || has_type(types, value)) && !is_excluded(value)) parts.push_back(text_.constant(value));
  return rules_.choice(std::move(parts));
}

ExpressionId SchemaCompiler::reference(const std::string& pointer, const SchemaPath& path) {
  const auto [found, is_new] = references_.try_emplace(pointer);
  if (is_new) {
    find(pointer, path);
    found->second = rules_.new_rule(pointer);
    pending_.push_back({found->second, pointer});
  }
  return rules_.reference(found->second);
}

const Json& SchemaCompiler::find(const std::string& pointer, const SchemaPath& path) const {
  if (!pointer.starts_with('#')) path.fail("'" + pointer + "' is in another document; only '#/...' can be followed");
  try {
    return document_.at(Json::json_pointer(pointer.substr(1)));
  } catch (const Json::exception&) {
    path.fail("'" + pointer + "' is not in the schema");
  }
}

const Json& SchemaCompiler::behind_references(const Json& schema) const {
  const Json* at = &schema;
  for (int k = 0; k < kMaxDepth && at->is_object() && at->size() == 1 && at->contains("$ref"); ++k)
    at = &find((*at)["$ref"].is_string() ? (*at)["$ref"].get<std::string>() : "", SchemaPath("$ref"));
  return *at;
}

// Whether no value satisfies both; false where that is not plain to see.
bool SchemaCompiler::are_disjoint(const Json& first, const Json& second, int depth) const {
  const Json &a = behind_references(first), &b = behind_references(second);
  if (a == false || b == false) return true;
  if (depth > kMaxDisjointDepth || !a.is_object() || !b.is_object()) return false;
  const auto values_of = [](const Json& schema) {
    if (schema.contains("const")) return Json::array({schema["const"]});
    return schema.contains("enum") && schema["enum"].is_array() ? schema["enum"] : Json();
  };
  const Json in_a = values_of(a), in_b = values_of(b);
  const auto is_in = [](const Json& list, const Json& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
  };
  if (in_a.is_array() && in_b.is_array())
    return std::none_of(in_a.begin(), in_a.end(), [&](const Json& value) { return is_in(in_b, value); });
  const auto known_types = [&](const Json& schema, const Json& list) {
    std::vector<std::string> types;
    if (schema.contains("type")) return types_of(schema, SchemaPath());
    for (const Json& value : list) types.push_back(type_of(value));
    return list.is_array() ? types : std::vector<std::string>(kTypes.begin(), kTypes.end());
  };
  const std::vector<std::string> types_a = known_types(a, in_a), types_b = known_types(b, in_b);
  const auto meets = [](const std::string& x, const std::string& y) {
    return x == y || (x == "integer" && y == "number") || (x == "number" && y == "integer");
  };
  const bool types_meet = std::any_of(types_a.begin(), types_a.end(), [&](const std::string& x) {
    return std::any_of(types_b.begin(), types_b.end(), [&](const std::string& y) { return meets(x, y); });
  });
  if (!types_meet) return true;
  if (types_a != std::vector<std::string>{"object"} || types_b != types_a) return false;
  // Objects: one has a property for certain that the other refuses, or of which the other says what cannot be.
  const auto has_what_refuses = [&](const Json& with, const Json& other) {
    if (!with.contains("required") || !with["required"].is_array()) return false;
    return std::any_of(with["required"].begin(), with["required"].end(), [&](const Json& name) {
      const auto said_by = [&](const Json& schema) {
        const auto properties = schema.find("properties");
        if (properties != schema.end() && name.is_string() && properties->contains(name.get<std::string>()))
          return (*properties)[name.get<std::string>()];
        return schema.contains("additionalProperties") ? schema["additionalProperties"] : Json(true);
      };
      return are_disjoint(said_by(with), said_by(other), depth + 1);
    });
  };
  return has_what_refuses(a, b) || has_what_refuses(b, a);
}

RuleId read_json_schema(std::string_view text, Rules& rules) {
  const Json document = parse(text);
  return SchemaCompiler(document, rules).compile();
}

}  // namespace tidemill::grammar
