// SchemaCompiler: a JSON Schema as rules.  json_schema.cpp holds what schemas have in common, schema_object.cpp,
// schema_array.cpp and schema_scalar.cpp what belongs to one type.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/json_text.h"
#include "grammar/name_set.h"
#include "grammar/rules.h"
#include "grammar/schema_path.h"

namespace tidemill::grammar {

class SchemaCompiler {
 public:
  using Json = nlohmann::ordered_json;  // properties keep their order

  SchemaCompiler(const Json& document, Rules& rules) : document_(document), rules_(rules), text_(rules) {}

  RuleId compile();

 private:
  struct Pending {
    RuleId rule;
    std::string pointer;
  };
  struct Alternatives;

  ExpressionId any_schema(const Json& schema, const SchemaPath& path);
  ExpressionId resolved_schema(const Json& schema, const SchemaPath& path);
  ExpressionId alternatives(const Json& schema, const char* keyword, const SchemaPath& path);
  ExpressionId conditional(const Json& schema, const SchemaPath& path);
  ExpressionId dependent(const Json& schema, const char* keyword, const SchemaPath& path);
  ExpressionId typed(const Json& schema, const SchemaPath& path);
  ExpressionId of_type(const std::string& type, const Json& schema, const SchemaPath& path);
  ExpressionId of_type_except(const std::string& type, const Json& excluded, const Json& schema,
                              const SchemaPath& path);
  ExpressionId values(const Json& values, const Json& schema, const SchemaPath& path);

  // Members whose names nobody lists.
  struct OtherNames {
    Json names;  // a schema of strings; null: all that are not listed
    Json value;  // the schema of their values
    SchemaPath path;
  };
  ExpressionId any_other_name(const Json& properties, const SchemaPath& path);
  std::vector<OtherNames> other_names(const Json& schema, Json& properties, const SchemaPath& path);
  std::vector<OtherNames> names_by_patterns(const Json& schema, Json& properties, const SchemaPath& path);
  NameSet names_of(const Json& schema, const SchemaPath& path) const;
  ExpressionId object(const Json& schema, const SchemaPath& path);
  ExpressionId array(const Json& schema, const SchemaPath& path);
  ExpressionId distinct_items(const Json& schema, uint32_t min, uint32_t max, const SchemaPath& path);
  ExpressionId string(const Json& schema, const SchemaPath& path);
  ExpressionId number(const Json& schema, const SchemaPath& path);
  ExpressionId integer(const Json& schema, const SchemaPath& path);

  ExpressionId reference(const std::string& pointer, const SchemaPath& path);
  const Json& find(const std::string& pointer, const SchemaPath& path) const;
  bool are_disjoint(const Json& a, const Json& b, int depth) const;
  const Json& behind_references(const Json& schema) const;
  void count_work(const SchemaPath& path);

  const Json& document_;
  Rules& rules_;
  JsonText text_;
  std::map<std::string, RuleId> references_;  // by pointer
  std::vector<Pending> pending_;
  int depth_ = 0;
  size_t n_compiled_ = 0;
};

// Keywords that conditional() writes out as alternatives.
inline constexpr std::array kConditions = {
    "dependentRequired", "dependentSchemas", "dependencies", "if", "then", "else"};
bool has_condition(const nlohmann::ordered_json& schema);

// What "not" says that a value must not be: one of some values, or of some types.
struct Exclusions {
  nlohmann::ordered_json values = nlohmann::ordered_json::array();
  nlohmann::ordered_json types = nlohmann::ordered_json::array();
};
Exclusions read_exclusions(const nlohmann::ordered_json& schema, const SchemaPath& path);

// Reading keywords; a wrong type fails.
std::optional<uint32_t> read_count(const nlohmann::ordered_json& schema, const char* keyword, const SchemaPath& path);
bool is_given(const nlohmann::ordered_json& schema, const char* keyword);

}  // namespace tidemill::grammar
