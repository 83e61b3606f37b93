// Strings and numbers.
#include <algorithm>

#include "grammar/multiples.h"
#include "grammar/number_range.h"
#include "grammar/pattern.h"
#include "grammar/schema_compiler.h"
#include "grammar/string_formats.h"

namespace tidemill::grammar {
namespace {

std::string_view pattern_of_format(const std::string& name, const SchemaPath& path) {
  const auto found = std::find_if(kStringFormats.begin(), kStringFormats.end(),
                                  [&](const StringFormat& format) { return format.name == name; });
  if (found != kStringFormats.end()) return found->pattern;
  std::string names;
  for (const StringFormat& format : kStringFormats) names += " " + std::string(format.name);
  path.fail("'" + name + "' cannot be enforced; leave it out, or take one of:" + names);
}

}  // namespace

ExpressionId SchemaCompiler::string(const Json& schema, const SchemaPath& path) {
  const uint32_t min = read_count(schema, "minLength", path).value_or(0);
  const uint32_t max = read_count(schema, "maxLength", path).value_or(kUnlimited);
  if (min > max) (path / "minLength").fail("is above maxLength");
  const auto member = [&](const char* keyword) {
    const auto found = schema.find(keyword);
    if (found != schema.end() && !found->is_string()) (path / keyword).fail("must be a string");
    return found == schema.end() ? std::nullopt : std::optional(found->get<std::string>());
  };
  const auto pattern = member("pattern"), format = member("format");
  if (pattern && format) (path / "format").fail("cannot be joined with 'pattern'; leave one of them out");
  if (!pattern && !format) return min == 0 && max == kUnlimited ? text_.any_string() : text_.string(min, max);
  const SchemaPath at = path / (pattern ? "pattern" : "format");
  const std::string_view source = pattern ? *pattern : pattern_of_format(*format, at);
  const ExpressionId content = read_pattern(source, {min, max}, rules_, text_, at);
  return rules_.sequence({rules_.literal("\""), content, rules_.literal("\"")});
}

ExpressionId SchemaCompiler::number(const Json& schema, const SchemaPath& path) {
  if (is_given(schema, "multipleOf")) return integer(schema, path);  // multiples of whole numbers are whole
  const NumberRange range = read_range(schema, path);
  return range.least || range.greatest ? numbers_within(range, true, rules_) : text_.any_number();
}

ExpressionId SchemaCompiler::integer(const Json& schema, const SchemaPath& path) {
  const NumberRange range = read_range(schema, path);
  if (is_given(schema, "multipleOf")) {
    const SchemaPath at = path / "multipleOf";
    const auto divisor = read_count(schema, "multipleOf", path);  // fails for fractions
    if (*divisor == 0) at.fail("must be above 0");
    if (*divisor > 1) return multiples_of(*divisor, range, rules_, at);
  }
  return range.least || range.greatest ? numbers_within(range, false, rules_) : text_.any_integer();
}

}  // namespace tidemill::grammar
