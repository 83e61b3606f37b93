#include "grammar/schema_merge.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace tidemill::grammar {
namespace {

using nlohmann::ordered_json;

bool is_one_of(std::string_view key, std::initializer_list<std::string_view> keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

ordered_json as_list(const ordered_json& value) {
  return value.is_array() ? value : ordered_json::array({value});
}

bool has(const ordered_json& list, const ordered_json& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Those types that both allow; a number that must be an integer is an integer.
ordered_json merge_types(const ordered_json& a, const ordered_json& b) {
  ordered_json both = ordered_json::array();
  for (const auto& type : as_list(a))
    if (has(as_list(b), type) || (type == "integer" && has(as_list(b), "number"))) both.push_back(type);
  for (const auto& type : as_list(b))
    if (type == "integer" && has(as_list(a), "number") && !has(both, type)) both.push_back(type);
  return both;
}

ordered_json common_values(const ordered_json& a, const ordered_json& b) {
  ordered_json both = ordered_json::array();
  for (const auto& value : as_list(a))
    if (has(as_list(b), value)) both.push_back(value);
  return both;
}

ordered_json joined(const ordered_json& a, const ordered_json& b) {
  ordered_json all = a;
  for (const auto& value : b)
    if (!has(all, value)) all.push_back(value);
  return all;
}

// Of a schema that says nothing but which values there are.
bool lists_values(const ordered_json& schema) {
  return schema.is_object() && schema.size() == 1 &&
         (schema.contains("const") || (schema.contains("enum") && schema["enum"].is_array()));
}

ordered_json listed_values(const ordered_json& schema) {
  return schema.contains("const") ? ordered_json::array({schema["const"]}) : schema["enum"];
}

class Merger {
 public:
  Merger(const ordered_json& a, const ordered_json& b, const SchemaPath& path) : a_(a), b_(b), path_(path) {}

  ordered_json merge() {
    result_ = a_;
    merge_properties();
    for (const auto& [key, value] : b_.items()) {
      if (is_one_of(key, {"properties", "additionalProperties"})) continue;
      const auto mine = a_.find(key);
      if (mine == a_.end()) {
        result_[key] = value;
      } else if (*mine != value) {
        merge_values(key, *mine, value);
      }
    }
    return result_;
  }

 private:
  void merge_values(const std::string& key, const ordered_json& mine, const ordered_json& value) {
    const bool are_numbers = mine.is_number() && value.is_number();
    const bool are_lists = mine.is_array() && value.is_array();
    if (key == "type") {
      result_[key] = merge_types(mine, value);
    } else if (key == "enum" && are_lists) {
      result_[key] = common_values(mine, value);
    } else if (key == "required" && are_lists) {
      result_[key] = joined(mine, value);
    } else if (are_numbers &&
               is_one_of(key, {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})) {
      result_[key] = std::max(mine, value);
    } else if (are_numbers &&
               is_one_of(key, {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})) {
      result_[key] = std::min(mine, value);
    } else if (is_one_of(key, {"items", "propertyNames"})) {
      result_[key] = both(mine, value, path_ / key);
    } else if (is_one_of(key, {"anyOf", "oneOf", "$ref", "pattern"})) {
      set_aside(key, value);
    } else if (key == "not" && lists_values(mine) && lists_values(value)) {
      result_[key] = {{"enum", joined(listed_values(mine), listed_values(value))}};
    } else if (key == "allOf" && are_lists) {
      result_[key] = joined(mine, value);
    } else if (is_one_of(key, {"const", "format", "multipleOf", "not", "if", "then", "else", "prefixItems", "contains",
                               "patternProperties", "dependentRequired", "dependentSchemas", "additionalItems"})) {
      (path_ / key).fail("has two values that apply at once and cannot be made one");
    }  // all others are notes
  }

  void set_aside(const std::string& key, const ordered_json& value) {
    if (!result_.contains("allOf")) result_["allOf"] = ordered_json::array();
    result_["allOf"].push_back(ordered_json{{key, value}});
  }

  static ordered_json both(const ordered_json& a, const ordered_json& b, const SchemaPath& path) {
    if (a == b || b == true) return a;
    if (a == true) return b;
    if (a == false || b == false) return false;
    return merge_schemas(a, b, path);
  }

  static ordered_json member(const ordered_json& schema, const std::string& key) {
    const auto found = schema.find(key);
    return found == schema.end() ? ordered_json(true) : *found;
  }

  // What `schema` says of the property `name`.
  static ordered_json said_of(const ordered_json& schema, const std::string& name) {
    const auto properties = schema.find("properties");
    if (properties != schema.end() && properties->contains(name)) return (*properties)[name];
    return member(schema, "additionalProperties");
  }

  void merge_properties() {
    ordered_json properties = ordered_json::object();
    for (const ordered_json* schema : {&a_, &b_}) {
      const auto own = schema->find("properties");
      if (own == schema->end() || !own->is_object()) continue;
      for (const auto& [name, value] : own->items())
        if (!properties.contains(name))
          properties[name] = both(said_of(a_, name), said_of(b_, name), path_ / "properties" / name);
    }
    if (!properties.empty()) result_["properties"] = std::move(properties);
    if (a_.contains("additionalProperties") || b_.contains("additionalProperties"))
      result_["additionalProperties"] =
          both(member(a_, "additionalProperties"), member(b_, "additionalProperties"), path_ / "additionalProperties");
  }

  const ordered_json &a_, &b_;
  const SchemaPath& path_;
  ordered_json result_;
};

}  // namespace

ordered_json merge_schemas(const ordered_json& a, const ordered_json& b, const SchemaPath& path) {
  return Merger(a, b, path).merge();
}

}  // namespace tidemill::grammar
