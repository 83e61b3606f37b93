#include "grammar/json_text.h"

#include <algorithm>

#include "text/unicode/utf8.h"

namespace tidemill::grammar {
namespace {

using nlohmann::ordered_json;

constexpr uint32_t kMaxIndent = 40;
// Digits of a whole number and of a fraction: no reader of JSON loses the number of digits that a model wrote in a
// loop.
constexpr uint32_t kMaxDigits = 18;

CodePointSet only(std::string_view characters) {
  CodePointSet set;
  for (const char c : characters) set.add(CodePointSet(static_cast<char32_t>(c), static_cast<char32_t>(c)));
  return set;
}

CodePointSet range(char first, char last) {
  return CodePointSet(static_cast<char32_t>(first), static_cast<char32_t>(last));
}

CodePointSet hex_digits() {
  CodePointSet set = range('0', '9');
  set.add(range('a', 'f'));
  set.add(range('A', 'F'));
  return set;
}

}  // namespace

const CodePointSet& plain_json_characters() {
  static const CodePointSet set = [] {
    CodePointSet special(0, 0x1F);
    special.add(only("\"\\"));
    return special.complement();
  }();
  return set;
}

ExpressionId JsonText::rule(Made& made, const char* name, ExpressionId (JsonText::*make)()) {
  if (!made) {
    made = rules_.new_rule(name);
    rules_.define(*made, (this->*make)());
  }
  return rules_.reference(*made);
}

ExpressionId JsonText::make_space() {
  const ExpressionId indent = rules_.repeat(rules_.set(only(" \t")), 0, kMaxIndent);
  return rules_.choice({rules_.empty(), rules_.literal(" "), rules_.sequence({rules_.literal("\n"), indent})});
}

ExpressionId JsonText::colon() {
  return rules_.sequence({rules_.literal(":"), rules_.optional(rules_.literal(" "))});
}

ExpressionId JsonText::comma() {
  return rules_.sequence({rules_.literal(","), space()});
}

ExpressionId JsonText::boolean() {
  return rules_.choice({rules_.literal("true"), rules_.literal("false")});
}

ExpressionId JsonText::make_value() {
  return rules_.choice({any_object(), any_array(), any_string(), any_number(), boolean(), null()});
}

// Items between brackets, or none.
ExpressionId JsonText::list(char open, ExpressionId item, char close) {
  const ExpressionId more = rules_.repeat(rules_.sequence({comma(), item}), 0, kUnlimited);
  const ExpressionId items = rules_.optional(rules_.sequence({item, more, space()}));
  return rules_.sequence({rules_.literal({open}), space(), items, rules_.literal({close})});
}

ExpressionId JsonText::make_object() {
  return list('{', rules_.sequence({any_string(), colon(), any_value()}), '}');
}

ExpressionId JsonText::make_array() {
  return list('[', any_value(), ']');
}

ExpressionId JsonText::string(uint32_t min, uint32_t max) {
  return rules_.sequence({rules_.literal("\""), rules_.repeat(character(), min, max), rules_.literal("\"")});
}

// Surrogates come in pairs: half of one is no character, and many readers refuse it.
ExpressionId JsonText::make_character() {
  const ExpressionId hex = rules_.set(hex_digits());
  CodePointSet not_d = hex_digits().minus(only("dD"));
  const ExpressionId d = rules_.set(only("dD"));
  const ExpressionId below_surrogates = rules_.sequence({d, rules_.set(range('0', '7')), hex, hex});
  const ExpressionId not_surrogate =
      rules_.choice({rules_.sequence({rules_.set(not_d), hex, hex, hex}), below_surrogates});
  CodePointSet high_digits = only("89abAB"), low_digits = only("cdefCDEF");
  const ExpressionId pair = rules_.sequence(
      {d, rules_.set(high_digits), hex, hex, rules_.literal("\\u"), d, rules_.set(low_digits), hex, hex});
  const ExpressionId code = rules_.sequence({rules_.literal("u"), rules_.choice({not_surrogate, pair})});
  const ExpressionId escaped =
      rules_.sequence({rules_.literal("\\"), rules_.choice({rules_.set(only("\"\\/bfnrt")), code})});
  return rules_.choice({rules_.set(plain_json_characters()), escaped});
}

ExpressionId JsonText::make_integer() {
  const ExpressionId more = rules_.repeat(rules_.set(range('0', '9')), 0, kMaxDigits - 1);
  const ExpressionId digits =
      rules_.choice({rules_.literal("0"), rules_.sequence({rules_.set(range('1', '9')), more})});
  return rules_.sequence({rules_.optional(rules_.literal("-")), digits});
}

ExpressionId JsonText::make_number() {
  const ExpressionId digit = rules_.set(range('0', '9'));
  const ExpressionId fraction = rules_.sequence({rules_.literal("."), rules_.repeat(digit, 1, kMaxDigits)});
  const ExpressionId exponent =
      rules_.sequence({rules_.set(only("eE")), rules_.optional(rules_.set(only("+-"))), rules_.repeat(digit, 1, 2)});
  return rules_.sequence({any_integer(), rules_.optional(fraction), rules_.optional(exponent)});
}

ExpressionId JsonText::key(std::string_view name) {
  return rules_.literal(ordered_json(name).dump());
}

ExpressionId JsonText::constant(const ordered_json& value) {
  if (!value.is_structured()) return rules_.literal(value.dump());
  const bool is_object = value.is_object();
  std::vector<ExpressionId> parts = {rules_.literal(is_object ? "{" : "["), space()};
  for (auto entry = value.begin(); entry != value.end(); ++entry) {
    if (entry != value.begin()) parts.push_back(comma());
    if (is_object) parts.insert(parts.end(), {key(entry.key()), colon()});
    parts.push_back(constant(*entry));
  }
  if (!value.empty()) parts.push_back(space());
  parts.push_back(rules_.literal(is_object ? "}" : "]"));
  return rules_.sequence(std::move(parts));
}

ExpressionId JsonText::string_other_than(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return rules_.sequence({rules_.literal("\""), other_than(names, 0)});
}

// What may follow the first `depth` bytes that all `names`, sorted, have in common: the rest of a string that is none
// of them, and its end.
ExpressionId JsonText::other_than(std::span<const std::string> names, size_t depth) {
  const ExpressionId end = rules_.literal("\"");
  const ExpressionId rest = rules_.sequence({rules_.repeat(rules_.set(plain_json_characters()), 0, kUnlimited), end});
  CodePointSet others = plain_json_characters();
  std::vector<ExpressionId> parts;
  if (names.empty() || names.front().size() > depth) {
    parts.push_back(end);
  } else {
    names = names.subspan(1);
  }
  while (!names.empty()) {
    const DecodedCharacter first = first_character(std::string_view(names.front()).substr(depth));
    const auto is_same = [&](const std::string& name) {
      return std::string_view(name).substr(depth).starts_with(
          std::string_view(names.front()).substr(depth, first.n_bytes));
    };
    const auto n_same = static_cast<size_t>(std::find_if_not(names.begin(), names.end(), is_same) - names.begin());
    const CodePointSet character(first.code_point, first.code_point);
    if (plain_json_characters().contains(first.code_point)) {
      const RuleId after = rules_.new_rule("other key");
      rules_.define(after, other_than(names.first(n_same), depth + first.n_bytes));
      parts.push_back(rules_.sequence({rules_.set(character), rules_.reference(after)}));
    }
    others = others.minus(character);
    names = names.subspan(n_same);
  }
  parts.push_back(rules_.sequence({rules_.set(others), rest}));
  return rules_.choice(std::move(parts));
}

}  // namespace tidemill::grammar
