// SchemaCompiler: a JSON Schema as rules.  json_schema.cpp holds what schemas have in common, schema_object.cpp,
// schema_array.cpp and schema_scalar.cpp what belongs to one type.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/json_text.h"
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
  ExpressionId typed(const Json& schema, const SchemaPath& path);
  ExpressionId of_type(const std::string& type, const Json& schema, const SchemaPath& path);
  ExpressionId values(const Json& values, const Json& schema, const SchemaPath& path);

  ExpressionId object(const Json& schema, const SchemaPath& path);
  ExpressionId array(const Json& schema, const SchemaPath& path);
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

// Reading keywords; a wrong type fails.
std::optional<uint32_t> read_count(const nlohmann::ordered_json& schema, const char* keyword, const SchemaPath& path);
bool is_given(const nlohmann::ordered_json& schema, const char* keyword);

}  // namespace tidemill::grammar
