#include "grammar/json_schema.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "grammar/grammar_for_test.h"
#include "tidemill/grammar.h"

namespace tidemill::grammar {
namespace {

using Texts = std::vector<std::string>;

Automaton automaton_of(const std::string& schema) {
  Rules rules;
  const RuleId root = read_json_schema(schema, rules);
  return Automaton(compile(rules, root));
}

std::string problem(const std::string& schema) {
  try {
    automaton_of(schema);
    return "";
  } catch (const GrammarError& error) {
    return error.what();
  }
}

void expect_language(const std::string& schema, const Texts& in, const Texts& out) {
  Automaton automaton = automaton_of(schema);
  for (const std::string& text : in) EXPECT_TRUE(accepts(automaton, text)) << schema << "\n" << text;
  for (const std::string& text : out) EXPECT_FALSE(accepts(automaton, text)) << schema << "\n" << text;
}

TEST(JsonSchema, TypesAndTheirTexts) {
  expect_language(R"({"type": "null"})", {"null"}, {"", "nul", "true", " null"});
  expect_language(R"({"type": "boolean"})", {"true", "false"}, {"null", "True"});
  expect_language(R"({"type": "integer"})", {"0", "-0", "-12", "123456789012345678"},
                  {"01", "1.0", "1e3", "+1", "-", "1234567890123456789"});
  expect_language(R"({"type": "number"})", {"0", "-1.5", "1e3", "2.50E-07"}, {".5", "1.", "1e", "NaN", "1e100"});
  expect_language(R"({"type": "string"})", {R"("")", R"("a\n\"\u00e9\/")", "\"\xC3\xA9\"", R"("\ud83d\ude00")"},
                  {R"("a)", "\"\n\"", R"("\x")", R"("\ud83d")", R"("\ude00")", R"("\ud83d\u0041")", "\"\xC3\""});
  expect_language(R"({"type": ["integer", "null"]})", {"1", "null"}, {"1.5", "\"\""});
  expect_language(R"({"type": "integer", "nullable": true})", {"1", "null"}, {"true"});
  expect_language("{}", {"1", "null", "{}", "[]", "[1, {\"a\": \"b\"}]", "\"x\""}, {"", "x", "[1,]", "{\"a\"}"});
  expect_language("true", {"[[[]]]"}, {"]"});
}

TEST(JsonSchema, ObjectsOfAnyKind) {
  expect_language(R"({"type": "object"})",
                  {"{}", "{ }", R"({"a":1})", R"({"a": {"b": [1, 2]}, "c": null})", "{\n  \"a\": 1\n}"},
                  {"[]", "", R"({"a":1,})", R"({a:1})", R"({"a" :1})", R"({"a":1} )"});
}

TEST(JsonSchema, PropertiesInTheirOrderWithOptionalOnesLeftOut) {
  const std::string schema =
      R"({"type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "string"}, "c": {}}, "required": ["a"]})";
  expect_language(schema, {R"({"b": 1, "a": "x", "c": []})", R"({"a":"x"})", R"({"a":"x","c":1})", R"({"b":1,"a":""})"},
                  {"{}", R"({"b":1})", R"({"a":"x","b":1})", R"({"a":"x","d":1})", R"({"a":1})", R"({,"a":"x"})"});
}

TEST(JsonSchema, OtherPropertiesHaveOtherNames) {
  const std::string schema =
      R"({"properties": {"ab": {"type": "integer"}, "a": {"type": "null"}, "é\"": {"type": "null"}}, "additionalProperties": {"type": "boolean"}})";
  expect_language(
      schema,
      {"{}", R"({"x": true})", R"({"ab": 1, "a": null, "abc": true, "": false})", "{\"\xC3\xA9\": true}",
       "{\"\xC3\xA9\\\"\": null, \"b\": true}"},
      {R"({"ab": true})", R"({"a": true})", R"({"x": 1})", R"({"\u0061": true})", R"({"x": true, "ab": 1})"});
  expect_language(R"({"type": "object", "additionalProperties": {"type": "integer"}})", {"{}", R"({"k": 1, "l": 2})"},
                  {R"({"k": "1"})"});
  expect_language(R"({"type": "object", "additionalProperties": {"type": "null"}, "required": ["z"]})",
                  {R"({"z": null})", R"({"z": null, "y": null})"}, {"{}", R"({"y": null})"});
}

TEST(JsonSchema, NumbersOfProperties) {
  const std::string three = R"("properties": {"a": {"type": "null"}, "b": {"type": "null"}, "c": {"type": "null"}})";
  expect_language("{" + three + R"(, "minProperties": 2})",
                  {R"({"a":null,"b":null})", R"({"a":null,"c":null})", R"({"a":null,"b":null,"c":null})"},
                  {"{}", R"({"c":null})"});
  expect_language("{" + three + R"(, "maxProperties": 1})", {"{}", R"({"c":null})"}, {R"({"a":null,"c":null})"});
  expect_language(R"({"type": "object", "minProperties": 1, "maxProperties": 2})", {R"({"a":1})", R"({"a":1,"b":2})"},
                  {"{}", R"({"a":1,"b":2,"c":3})"});
  expect_language("{" + three + R"(, "additionalProperties": true, "maxProperties": 2})",
                  {R"({"a":null,"x":1})", R"({"x":1,"y":1})", "{}"},
                  {R"({"a":null,"b":null,"x":1})", R"({"x":1,"y":1,"z":1})"});
}

TEST(JsonSchema, Arrays) {
  expect_language(R"({"type": "array"})", {"[]", "[ ]", "[1]", "[1, 2]", "[\n  1,\n  2\n]"}, {"[1,]", "[,1]", "1"});
  expect_language(R"({"items": {"type": "integer"}, "minItems": 2, "maxItems": 3})", {"[1,2]", "[1, 2, 3]"},
                  {"[]", "[1]", "[1,2,3,4]", "[1,\"2\"]"});
  expect_language(R"({"type": "array", "maxItems": 0})", {"[]"}, {"[1]"});
  expect_language(R"({"type": "array", "minItems": 1, "items": {"type": "null"}})", {"[null]", "[null,null]"}, {"[]"});
  expect_language(R"({"prefixItems": [{"type": "integer"}, {"type": "string"}]})", {"[]", "[1]", "[1, \"a\"]"},
                  {"[\"a\"]", "[1,\"a\",2]"});
  expect_language(R"({"prefixItems": [{"type": "integer"}], "items": {"type": "null"}, "minItems": 1, "maxItems": 3})",
                  {"[1]", "[1,null]", "[1,null,null]"}, {"[]", "[1,1]", "[1,null,null,null]"});
  expect_language(R"({"items": [{"type": "integer"}], "additionalItems": false})", {"[]", "[1]"}, {"[1,1]"});
  expect_language(R"({"items": {"type": "integer"}, "maxItems": 2000})", {"[1,2,3]"}, {});
}

TEST(JsonSchema, EnumAndConst) {
  expect_language(R"({"enum": ["a", "é\n", 1, null, {"k": [1, true]}]})",
                  {"\"a\"", "\"\xC3\xA9\\n\"", "1", "null", R"({"k":[1,true]})", R"({ "k": [ 1, true ] })"},
                  {"\"b\"", "2", "{}"});
  expect_language(R"({"type": "string", "enum": ["a", 1]})", {"\"a\""}, {"1"});
  expect_language(R"({"const": "only"})", {"\"only\""}, {"\"other\""});
}

TEST(JsonSchema, LengthsOfStrings) {
  expect_language(R"({"type": "string", "minLength": 2, "maxLength": 3})",
                  {R"("ab")", R"("abc")", "\"\xC3\xA9\xF0\x9F\x98\x80\"", R"("\n\n")", R"("\ud83d\ude00x")"},
                  {R"("a")", R"("abcd")", R"("")"});
  Automaton automaton = automaton_of(R"({"type": "string", "maxLength": 10000})");
  EXPECT_TRUE(accepts(automaton, "\"" + std::string(10000, 'x') + "\""));
  EXPECT_EQ(verdict(automaton, "\"" + std::string(10001, 'x')), Verdict::no);
}

TEST(JsonSchema, ReferencesAndRecursion) {
  const std::string tree = R"({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {
      "name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}, "required": ["name"]}}})";
  expect_language(tree, {R"({"name": "a"})", R"({"name": "a", "children": [{"name": "b", "children": []}]})"},
                  {"{}", R"({"name": "a", "children": [1]})"});
  expect_language(R"({"type": "array", "items": {"$ref": "#"}})", {"[]", "[[], [[]]]"}, {"[1]"});
  EXPECT_EQ(problem(R"({"$ref": "#/$defs/x"})"), "grammar: $ref: '#/$defs/x' is not in the schema");
  EXPECT_EQ(problem(R"({"$ref": "other.json"})"),
            "grammar: $ref: 'other.json' is in another document; only '#/...' can be followed");
}

TEST(JsonSchema, Alternatives) {
  expect_language(R"({"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]})", {"1", "\"a\""},
                  {"null", "\"ab\""});
  expect_language(
      R"({"oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "null"}}, "required": ["kind"]},
                                {"type": "object", "properties": {"kind": {"const": "b"}, "y": {"type": "null"}}, "required": ["kind"]}]})",
      {R"({"kind": "a", "x": null})", R"({"kind": "b", "y": null})"}, {R"({"kind": "a", "y": null})"});
  EXPECT_EQ(problem(R"({"properties": {"a": {"oneOf": [{"type": "integer"}, {"type": "number"}]}}})"),
            "grammar: properties.a.oneOf: alternatives 0 and 1 may both hold for one value, which cannot be excluded; "
            "use anyOf");
  expect_language(R"({"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}},
                      "anyOf": [{"required": ["a"]}, {"required": ["b"]}]})",
                  {R"({"a":null})", R"({"b":null})", R"({"a":null,"b":null})"}, {"{}"});
}

TEST(JsonSchema, AllOfIsJoined) {
  expect_language(
      R"({"allOf": [{"$ref": "#/$defs/base"}, {"properties": {"y": {"type": "integer"}}, "required": ["y"]}],
                      "$defs": {"base": {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}}})",
      {R"({"x": "a", "y": 1})"}, {R"({"x": "a"})", R"({"y": 1})"});
  expect_language(R"({"type": "string", "allOf": [{"minLength": 2}, {"minLength": 1, "maxLength": 3}]})",
                  {R"("ab")", R"("abc")"}, {R"("a")", R"("abcd")"});
  expect_language(R"({"allOf": [{"type": ["integer", "string"]}, {"type": ["number", "null"]}]})", {"1"},
                  {"\"a\"", "null", "1.5"});
  EXPECT_EQ(problem(R"({"allOf": [{"prefixItems": [true]}, {"prefixItems": [false]}]})"),
            "grammar: allOf.1.prefixItems: has two values that apply at once and cannot be made one");
}

TEST(JsonSchema, RefusesWhatCannotBeEnforcedWithItsPath) {
  EXPECT_EQ(problem(R"({"properties": {"a": {"items": {"contains": {}}}}})"),
            "grammar: properties.a.items.contains: cannot be enforced; leave it out");
  EXPECT_EQ(
      problem(R"({"anyOf": [{"type": "array", "uniqueItems": true}]})"),
      "grammar: anyOf.0.uniqueItems: can be enforced for items of up to 8 values that 'enum' lists only; leave it out");
  EXPECT_EQ(problem(R"({"properties": {"a": {"not": {"minLength": 3}}}})"),
            "grammar: properties.a.not: cannot be enforced; it may name values (const, enum) or types");
  for (const char* refused :
       {R"({"multipleOf": 0.01})", R"({"multipleOf": 0})", R"({"multipleOf": 1000})",
        R"({"multipleOf": 7, "minimum": 3})", R"({"type": "integer", "not": {"const": 3}})",
        R"({"type": "string", "minLength": 2, "not": {"const": "a"}})",
        R"({"if": {"properties": {"a": {"minimum": 3}}}, "then": {"required": ["b"]}})",
        R"({"patternProperties": {"^a": {}}, "additionalProperties": {}})",
        R"({"patternProperties": {"^a": {"type": "null"}, "b$": {"type": "string"}}})",
        R"({"patternProperties": {"^a": {}}, "properties": {"ab": {}}})",
        R"({"propertyNames": {"pattern": "^a"}, "properties": {"ab": {}}, "additionalProperties": {}})",
        R"({"propertyNames": {"not": {"const": "a"}}})"})
    EXPECT_NE(problem(refused), "") << refused;
  EXPECT_EQ(problem(R"({"type": "text"})"),
            "grammar: type: must be object, array, string, number, integer, boolean or null, or a list of these");
  EXPECT_EQ(problem(R"({"required": ["a"], "properties": {}, "additionalProperties": false})"),
            "grammar: required: 'a' is not among the properties");
  EXPECT_EQ(problem(R"({"minLength": -1})"), "grammar: minLength: must be a whole number, 0 or more");
  EXPECT_EQ(problem("false"), "grammar: no text satisfies it; rules need an end, and ranges something in them");
  EXPECT_EQ(problem("[]"), "grammar: must be a schema: an object, true or false");
  EXPECT_TRUE(problem("{").starts_with("grammar: the schema is not JSON"));
}

TEST(JsonSchema, NamesByPattern) {
  const std::string schema =
      R"({"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"],
          "patternProperties": {"^x-[a-z]+$": {"type": "string"}, "^n[0-9]$": {"type": "null"}}})";
  expect_language(schema, {R"({"id":1})", R"({"id": 1, "x-a": "b", "n7": null, "x-bc": ""})"},
                  {R"({"id":1,"x-a":null})", R"({"id":1,"n7":"a"})", R"({"id":1,"y":"a"})", R"({"id":1,"x-":"a"})",
                   R"({"x-a":"b"})"});
  expect_language(R"({"patternProperties": {"a": {"type": "null"}, "^b": {"type": "null"}}})",
                  {"{}", R"({"xay":null,"ba":null})"}, {R"({"c":null})", R"({"a":1})"});
  expect_language(R"({"patternProperties": {"^a": true, "^b": false}})", {"{}", R"({"ab":1})"}, {R"({"ba":1})"});
}

TEST(JsonSchema, PropertyNames) {
  expect_language(R"({"propertyNames": {"pattern": "^[a-z]{2}$"}, "additionalProperties": {"type": "integer"}})",
                  {"{}", R"({"ab":1,"cd":2})"}, {R"({"abc":1})", R"({"ab":"x"})", R"({"A1":1})"});
  expect_language(
      R"({"propertyNames": {"enum": ["a", "b"]}, "additionalProperties": {"type": "null"}, "minProperties": 1})",
      {R"({"a":null})", R"({"b":null})", R"({"a":null,"b":null})"}, {"{}", R"({"c":null})", R"({"a":1})"});
  expect_language(
      R"({"propertyNames": {"maxLength": 1}, "properties": {"a": {}, "bc": {}}, "additionalProperties": false})",
      {R"({"a":1})", "{}"}, {R"({"bc":1})"});
  expect_language(R"({"propertyNames": false})", {"{}"}, {R"({"":1})"});
}

TEST(JsonSchema, DependenciesAreAlternatives) {
  const std::string schema =
      R"({"type": "object", "properties": {"card": {"type": "integer"}, "address": {"type": "string"}},
          "dependentRequired": {"card": ["address"]}})";
  expect_language(schema, {"{}", R"({"address":"x"})", R"({"card":1,"address":"x"})"}, {R"({"card":1})"});
  expect_language(R"({"properties": {"a": {}, "b": {}}, "required": ["a"], "dependencies": {"a": ["b"]}})",
                  {R"({"a":1,"b":2})"}, {R"({"a":1})", "{}"});
  expect_language(R"({"type": ["object", "null"], "properties": {"a": {}},
                      "dependentSchemas": {"a": {"properties": {"a": {"type": "null"}, "b": {"type": "integer"}}, "required": ["b"]}}})",
                  {"null", "{}", R"({"a":null,"b":1})"}, {R"({"a":null})", R"({"a":1,"b":1})"});
}

TEST(JsonSchema, ConditionsOnOneProperty) {
  const std::string schema =
      R"({"type": "object", "properties": {"kind": {"enum": ["circle", "square", "dot"]}, "r": {"type": "integer"},
          "side": {"type": "integer"}}, "required": ["kind"],
          "if": {"properties": {"kind": {"const": "circle"}}}, "then": {"required": ["r"]},
          "else": {"properties": {"r": false}}})";
  expect_language(schema, {R"({"kind":"circle","r":1})", R"({"kind":"square","side":2})", R"({"kind":"dot"})"},
                  {R"({"kind":"circle"})", R"({"kind":"square","r":1})", "{}"});
  expect_language(R"({"properties": {"a": {}, "b": {}}, "if": {"required": ["a"]}, "then": {"required": ["b"]}})",
                  {"{}", R"({"b":1})", R"({"a":1,"b":1})"}, {R"({"a":1})"});
  expect_language(R"({"properties": {"k": {"type": "string"}, "v": {}}, "required": ["k"],
                      "if": {"properties": {"k": {"enum": ["a", "b"]}}, "required": ["k"]}, "then": {"required": ["v"]}})",
                  {R"({"k":"a","v":1})", R"({"k":"ab"})", R"({"k":""})"}, {R"({"k":"a"})", R"({"k":"b"})"});
  expect_language(R"({"type": "integer", "if": {"minimum": 3}})", {"1"}, {});  // without then and else it says nothing
}

TEST(JsonSchema, NotLeavesValuesAndTypesOut) {
  expect_language(R"({"enum": ["a", "b", 3, null], "not": {"enum": ["b", 3]}})", {R"("a")", "null"}, {R"("b")", "3"});
  expect_language(R"({"type": "string", "not": {"const": "no"}})", {R"("yes")", R"("n")", R"("")", R"("now")"},
                  {R"("no")"});
  expect_language(R"({"not": {"type": ["null", "object"]}})", {"1", "[]", "true"}, {"null", "{}"});
  expect_language(R"({"type": ["boolean", "null"], "not": {"const": true}})", {"false", "null"}, {"true"});
  expect_language(R"({"allOf": [{"not": {"const": "a"}}, {"not": {"const": "b"}}], "type": "string"})", {R"("c")"},
                  {R"("a")", R"("b")"});
  expect_language(R"({"type": "number", "not": {"type": "null"}})", {"1.5"}, {"null"});
}

TEST(JsonSchema, Multiples) {
  for (const int divisor : {2, 3, 5, 7, 10, 12, 60, 100}) {
    Automaton automaton = automaton_of(R"({"type": "integer", "multipleOf": )" + std::to_string(divisor) + "}");
    for (int value = -300; value <= 1300; ++value)
      EXPECT_EQ(accepts(automaton, std::to_string(value)), value % divisor == 0) << value << " by " << divisor;
    EXPECT_FALSE(accepts(automaton, "00"));
  }
  expect_language(R"({"type": "number", "multipleOf": 5, "exclusiveMinimum": 0})", {"5", "1000"},
                  {"0", "-5", "3", "2.5"});
  expect_language(R"({"multipleOf": 1})", {"7", "-1"}, {"1.5"});
  expect_language(R"({"type": "integer", "multipleOf": 250, "minimum": -300.5, "exclusiveMaximum": 750})",
                  {"-250", "0", "250", "500"}, {"-500", "750", "100"});
  expect_language(R"({"multipleOf": 7, "minimum": -7.5, "maximum": 7.5})", {"-7", "0", "7"}, {"14", "-14"});
}

TEST(JsonSchema, DistinctItemsOfAFewValues) {
  expect_language(R"({"type": "array", "items": {"enum": ["a", "b", 3]}, "uniqueItems": true, "minItems": 1})",
                  {R"(["a"])", R"([3, "a", "b"])", R"(["b","a"])"},
                  {"[]", R"(["a","a"])", R"(["a","b","a"])", R"(["c"])"});
  expect_language(R"({"items": {"type": "boolean"}, "uniqueItems": true})", {"[]", "[true,false]"}, {"[true,true]"});
  expect_language(R"({"items": {"type": "string", "enum": ["a", 1, "b"]}, "uniqueItems": true, "maxItems": 2})",
                  {"[]", R"(["a","b"])"}, {"[1]", R"(["a","b","a"])"});
}

TEST(JsonSchema, HostileSchemasAreRefused) {
  std::string deep = "{}";
  for (int k = 0; k < 70; ++k) deep = R"({"items": )" + deep + "}";
  EXPECT_NE(problem(deep), "");
  std::string product = R"({"allOf": [)";  // 2^30 combinations
  for (int k = 0; k < 30; ++k)
    product += (k > 0 ? "," : "") + std::string(R"({"anyOf": [{"required": ["a)") + std::to_string(k) +
               R"("]}, {"required": ["b)" + std::to_string(k) + R"("]}]})";
  EXPECT_NE(problem(product + "]}"), "");
  EXPECT_NE(problem(R"({"$ref": "#"})"), "");
  EXPECT_NE(problem(R"({"$ref": "#", "type": "object"})"), "");
  EXPECT_NE(problem(R"({"allOf": [{"$ref": "#"}]})"), "");
  std::string wide = R"({"properties": {"a": 1)";
  for (int k = 0; k < 100'000; ++k) wide += ",\"" + std::to_string(k) + "\":1";
  EXPECT_EQ(problem(wide + "}}"), "grammar: an object of the schema has more than 1000 keys");
  std::string nested = R"({"type": "integer"})";  // a doubling of expressions, were they not shared
  for (int k = 0; k < 30; ++k) nested = R"({"properties": {"a": )" + nested + R"(, "b": {"type": "null"}}})";
  EXPECT_EQ(problem(nested), "");
}

}  // namespace
}  // namespace tidemill::grammar
