#include "formats/json_file.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sys/test_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using nlohmann::json;

std::string refusal(std::string_view text) {
  try {
    parse_json(text, "config.json");
    return "read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_file);
    EXPECT_TRUE(std::string_view(error.what()).starts_with("config.json: ")) << error.what();
    return error.what();
  }
}

TEST(JsonFile, ReadsADocument) {
  const TestFolder folder;
  const json config = read_json_file(folder.write("config.json", R"({"a": [1, 2.5, null], "b": {"c": "d"}})"));
  EXPECT_EQ(config, json::parse(R"({"a": [1, 2.5, null], "b": {"c": "d"}})"));
  EXPECT_EQ(parse_json(R"({"a": 1, "a": 2})", "twice"), json::parse(R"({"a": 2})"));
}

TEST(JsonFile, ReadsTheWordsOfPythonsJson) {
  const json values = parse_json(R"([Infinity, -Infinity, NaN, {"a":Infinity}])", "config.json");
  EXPECT_EQ(values[0].get<double>(), HUGE_VAL);
  EXPECT_EQ(values[1].get<double>(), -HUGE_VAL);
  EXPECT_TRUE(std::isnan(values[2].get<double>()));
  EXPECT_EQ(values[3]["a"].get<double>(), HUGE_VAL);
}

TEST(JsonFile, ReadsTheTagsOfTransformers) {
  const json values = parse_json(
      R"({"time_step_limit": [0.0, {"__float__": "Infinity"}], "b": {"__float__": "-Infinity"},
          "c": {"__float__": "NaN"}})",
      "config.json");
  EXPECT_EQ(values["time_step_limit"][1].get<double>(), HUGE_VAL);
  EXPECT_EQ(values["b"].get<double>(), -HUGE_VAL);
  EXPECT_TRUE(std::isnan(values["c"].get<double>()));
}

TEST(JsonFile, OtherObjectsAreNoNumbers) {
  for (const std::string_view text : {R"({"__float__":"1"})", R"({"__float__":1})", R"({"__float__":"NaN","x":1})"}) {
    EXPECT_EQ(parse_json(text, "config.json"), json::parse(text));
  }
}

TEST(JsonFile, WordsInStringsStay) {
  const std::string_view text = R"({"Infinity": "NaN \" -Infinity \\", "b": ["Infinity"]})";
  EXPECT_EQ(parse_json(text, "config.json"), json::parse(text));
}

TEST(JsonFile, RefusesWhatIsNoJsonAndSaysWhere) {
  EXPECT_NE(refusal("{\n\"a\": 1,\n}").find("not valid JSON in line 3;"), std::string::npos);
  EXPECT_NE(refusal("{\"a\": [NaN, NaN],\n\n\n\"b\" 1}").find("not valid JSON in line 4;"), std::string::npos);
  for (const std::string_view text : {"", "{", "{\"a", "{\"a\\", "nan", "infinity", "+Infinity", "- Infinity",
                                      "InfinityInfinity", "{} {}", "1e999", "{\"a\": \"\xff\"}", "'a'"}) {
    EXPECT_NE(refusal(text), "read") << text;
  }
  EXPECT_NE(refusal(std::string_view("{}\0", 3)).find("zero byte"), std::string::npos);
}

TEST(JsonFile, LimitsDepthAndSize) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + "1" + std::string(depth, ']'); };
  EXPECT_EQ(refusal(nested(kJsonMaxDepth)), "read");
  EXPECT_NE(refusal(nested(kJsonMaxDepth + 1)).find("nested deeper than 64"), std::string::npos);
  EXPECT_NE(refusal(std::string(1 << 20, '[')).find("nested deeper than 64"), std::string::npos);
  EXPECT_NE(refusal(std::string(kJsonMaxBytes + 1, ' ')).find("4,194,305 bytes, more than the 4,194,304 allowed"),
            std::string::npos);
}

}  // namespace
}  // namespace tidemill
