// Strings and numbers.
#include "grammar/schema_compiler.h"

namespace tidemill::grammar {

ExpressionId SchemaCompiler::string(const Json& schema, const SchemaPath& path) {
  for (const char* keyword : {"pattern", "format"})
    if (is_given(schema, keyword)) (path / keyword).fail("cannot be enforced yet; leave it out");
  const uint32_t min = read_count(schema, "minLength", path).value_or(0);
  const uint32_t max = read_count(schema, "maxLength", path).value_or(kUnlimited);
  if (min > max) (path / "minLength").fail("is above maxLength");
  return min == 0 && max == kUnlimited ? text_.any_string() : text_.string(min, max);
}

ExpressionId SchemaCompiler::number(const Json& schema, const SchemaPath& path) {
  for (const char* keyword : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
    if (is_given(schema, keyword)) (path / keyword).fail("cannot be enforced yet; leave it out");
  return text_.any_number();
}

ExpressionId SchemaCompiler::integer(const Json& schema, const SchemaPath& path) {
  for (const char* keyword : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
    if (is_given(schema, keyword)) (path / keyword).fail("cannot be enforced yet; leave it out");
  return text_.any_integer();
}

}  // namespace tidemill::grammar
