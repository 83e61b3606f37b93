// JsonText: the parts of JSON texts as expressions.  RFC 8259, with white space where people and models put it: none, a
// space, or a new line with up to 40 spaces or tabs behind '{', '[' and ',' and before '}' and ']', and perhaps a space
// behind ':'.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/rules.h"

namespace tidemill::grammar {

class JsonText {
 public:
  explicit JsonText(Rules& rules) : rules_(rules) {}

  ExpressionId space() { return rule(space_, "space", &JsonText::make_space); }
  ExpressionId colon();  // with the space behind it
  ExpressionId comma();  // likewise
  ExpressionId any_value() { return rule(value_, "value", &JsonText::make_value); }
  ExpressionId any_object() { return rule(object_, "object", &JsonText::make_object); }
  ExpressionId any_array() { return rule(array_, "array", &JsonText::make_array); }
  ExpressionId any_string() { return rule(string_, "string", &JsonText::make_string); }
  ExpressionId any_number() { return rule(number_, "number", &JsonText::make_number); }
  ExpressionId any_integer() { return rule(integer_, "integer", &JsonText::make_integer); }
  ExpressionId boolean();
  ExpressionId null() { return rules_.literal("null"); }

  // One character of a string, as itself or escaped.
  ExpressionId character() { return rule(character_, "character", &JsonText::make_character); }
  // A string of `min` to `max` characters.
  ExpressionId string(uint32_t min, uint32_t max);
  // A string without escapes that is none of `names`.
  ExpressionId string_other_than(std::vector<std::string> names);
  // `name` as a key, without the colon.
  ExpressionId key(std::string_view name);
  // One value only; its members in their order.
  ExpressionId constant(const nlohmann::ordered_json& value);

 private:
  using Made = std::optional<RuleId>;

  ExpressionId rule(Made& made, const char* name, ExpressionId (JsonText::*make)());
  ExpressionId make_space();
  ExpressionId make_value();
  ExpressionId make_object();
  ExpressionId make_array();
  ExpressionId make_string() { return string(0, kUnlimited); }
  ExpressionId make_character();
  ExpressionId make_number();
  ExpressionId make_integer();
  ExpressionId list(char open, ExpressionId item, char close);
  ExpressionId other_than(std::span<const std::string> names, size_t depth);

  Rules& rules_;
  Made space_, value_, object_, array_, string_, character_, number_, integer_;
};

// The characters that stand for themselves in a JSON string.
const CodePointSet& plain_json_characters();

}  // namespace tidemill::grammar
