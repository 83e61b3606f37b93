#include "text/jinja/json_text.h"

#include <gtest/gtest.h>

#include <limits>

#include "text/jinja/operators.h"

namespace tidemill::jinja {
namespace {

using namespace std::string_view_literals;

struct JsonTest : testing::Test {
  Runtime runtime{CivilTime{}};

  std::string written(const Value& value, const JsonStyle& style = {}) {
    Text text(runtime);
    append_json(text, runtime, value, style);
    return text.take();
  }
};

TEST_F(JsonTest, ComesBackInTheSameOrder) {
  for (const char* text :
       {R"({"b": 1, "a": [true, false, null, -2, 1.5, 1e+16, "x"], "": {}})", "[]", "{}", "\"\"", "0"})
    EXPECT_EQ(written(parse_json(text)), text);
  EXPECT_EQ(written(parse_json(R"({"a":1,"b":2,"a":3})")), R"({"a": 3, "b": 2})");
}

TEST_F(JsonTest, Escapes) {
  const Value text = parse_json(R"("\"\\\b\f\n\r\t\u0001\u007f/é\ud83d\ude00")");
  EXPECT_EQ(written(text), "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\x7f/\u00e9\U0001f600\"");
  EXPECT_EQ(written(text, {.ensure_ascii = true}), R"("\"\\\b\f\n\r\t\u0001\u007f/\u00e9\ud83d\ude00")");
}

TEST_F(JsonTest, Styles) {
  const Value value = parse_json(R"({"b": [1, {"c": []}], "a": 2})");
  EXPECT_EQ(written(value, {.indent = "  ", .item_separator = ","}),
            "{\n  \"b\": [\n    1,\n    {\n      \"c\": []\n    }\n  ],\n  \"a\": 2\n}");
  EXPECT_EQ(written(value, {.item_separator = ",", .key_separator = ":", .sort_keys = true}),
            R"({"a":2,"b":[1,{"c":[]}]})");
}

TEST_F(JsonTest, KeysAndNumbersThatJsonDoesNotHave) {
  const Value dict = make_dict(runtime, {{1, 1}, {None(), 2}, {1.5, 3}, {false, 4}});
  EXPECT_EQ(written(dict), R"({"1": 1, "null": 2, "1.5": 3, "false": 4})");
  EXPECT_EQ(written(std::numeric_limits<double>::infinity()), "Infinity");
  EXPECT_THROW(written(make_dict(runtime, {{make_tuple(runtime, {}), 1}})), Failure);
  EXPECT_THROW(written(Value::undefined({"x", {}, {}})), Failure);
}

TEST_F(JsonTest, RefusesWhatIsNoJson) {
  for (const char* text : {"", "{", "[1,]", "{\"a\"}", "nul", "1 2", "'a'", "NaN", "\"\xff\"", "\"\\ud800\"",
                           "99999999999999999999", "-9223372036854775809", "18446744073709551615"})
    EXPECT_THROW(parse_json(text), Failure) << text;
  EXPECT_NO_THROW(parse_json(std::string(64, '[') + std::string(64, ']')));
  EXPECT_THROW(parse_json(std::string(65, '[') + std::string(65, ']')), Failure);
}

// Many keys, among them equal ones.
TEST_F(JsonTest, LargeObjects) {
  std::string text = "{";
  for (int k = 0; k < 1000; ++k) text += "\"k" + std::to_string(k % 700) + "\":" + std::to_string(k) + ",";
  const Value value = parse_json(text + "\"z\":0}");
  EXPECT_EQ(value.dict().size(), 701u);
  EXPECT_EQ(value.dict().find("k5"sv)->as_int(), 705);
  EXPECT_EQ(value.dict().find("k699"sv)->as_int(), 699);
  EXPECT_EQ(value.dict().find("k700"sv), nullptr);
}

}  // namespace
}  // namespace tidemill::jinja
