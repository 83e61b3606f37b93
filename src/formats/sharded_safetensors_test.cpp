#include "formats/sharded_safetensors.h"

#include <gtest/gtest.h>

#include "formats/safetensors_test_file.h"
#include "sys/test_folder.h"

namespace tidemill {
namespace {

using Names = std::vector<std::string>;

constexpr std::string_view kIndex = "model.safetensors.index.json";
constexpr std::string_view kSound =
    R"({"metadata": {"total_size": 7, "x": [[{"weight_map": 1}]]},
        "weight_map": {"a": "m-2.safetensors", "b": "m-1.safetensors", "c": "m-2.safetensors"}, "y": "z"})";

// Two shards; "b" is in both.
void write_shards(const TestFolder& folder) {
  folder.write("m-1.safetensors", safetensors_text("{" + safetensors_entry("b", "U8", "[1]", 0, 1) + "}", "B"));
  folder.write("m-2.safetensors", safetensors_text("{" + safetensors_entry("c", "U8", "[2]", 0, 2) + "," +
                                                       safetensors_entry("b", "U8", "[1]", 2, 3) + "," +
                                                       safetensors_entry("a", "U8", "[2]", 3, 5) + "}",
                                                   "CCbAA"));
}

Error refusal(const TestFolder& folder, std::string_view index) {
  try {
    ShardedSafetensors(folder.write(kIndex, index));
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::internal, "read"};
}

TEST(ShardedSafetensors, TheIndexDecidesWhichTensorIsWhere) {
  const TestFolder folder;
  write_shards(folder);
  const ShardedSafetensors weights(folder.write(kIndex, kSound));
  EXPECT_EQ(weights.n_shards(), 2u);
  EXPECT_EQ(weights.names(), (Names{"b", "c", "a"}));
  EXPECT_EQ(*weights.require("b", {1}).as<char>(), 'B');
  EXPECT_EQ(*weights.require("a", {2}).as<char>(), 'A');
  EXPECT_EQ(weights.find("d"), std::nullopt);
  weights.release(weights.require("c", {2}));
  EXPECT_EQ(*weights.require("c", {2}).as<char>(), 'C');
}

TEST(ShardedSafetensors, ATensorThatIsNotInTheIndexIsNotThere) {
  const TestFolder folder;
  write_shards(folder);
  const ShardedSafetensors weights(folder.write(kIndex, R"({"weight_map": {"c": "m-2.safetensors"}})"));
  EXPECT_EQ(weights.names(), Names{"c"});
  EXPECT_EQ(weights.find("a"), std::nullopt);
}

TEST(ShardedSafetensors, AMissingShardIsNamed) {
  const TestFolder folder;
  const Error error = refusal(folder, kSound);
  EXPECT_EQ(error.code(), ErrorCode::not_found);
  EXPECT_NE(std::string(error.what()).find("m-1.safetensors: this shard of the model of "), std::string::npos);
}

TEST(ShardedSafetensors, ATensorThatItsShardLacksIsNamed) {
  const TestFolder folder;
  write_shards(folder);
  const Error error = refusal(folder, R"({"weight_map": {"c": "m-1.safetensors"}})");
  EXPECT_EQ(error.code(), ErrorCode::bad_file);
  EXPECT_NE(std::string(error.what()).find("m-1.safetensors: tensor 'c' is missing"), std::string::npos);
}

struct IndexCase {
  std::string_view index, message;
};

TEST(ShardedSafetensors, RefusesOtherIndexes) {
  const TestFolder folder;
  write_shards(folder);
  const std::vector<IndexCase> cases = {
      {"[]", "not an object"},
      {"1", "not an object"},
      {"{}", "'weight_map' is missing"},
      {R"({"weight_map": []})", "'weight_map' is not an object"},
      {R"({"weight_map": "m-1.safetensors"})", "'weight_map' is not an object"},
      {R"({"weight_map": {"a": 1}})", "names no file for tensor 'a'"},
      {R"({"weight_map": {"a": ["m-1.safetensors"]}})", "names no file for tensor 'a'"},
      {R"({"weight_map": {"a": {"b": "m-1.safetensors"}}})", "names no file for tensor 'a'"},
      {R"({"weight_map": {}, "weight_map": {}})", "'weight_map' occurs twice"},
      {R"({"weight_map": {"b": "m-1.safetensors", "b": "m-2.safetensors"}})", "names tensor 'b' twice"},
      {R"({"weight_map": {"b": "../m-1.safetensors"}})", "is not the name of a safetensors file of this folder"},
      {R"({"weight_map": {"b": "/m-1.safetensors"}})", "is not the name of a safetensors file of this folder"},
      {R"({"weight_map": {"b": "..\\m-1.safetensors"}})", "is not the name of a safetensors file of this folder"},
      {R"({"weight_map": {"b": "m-1.safetensors\u0000.safetensors"}})", "is not the name of"},
      {R"({"weight_map": {"b": ".."}})", "is not the name of a safetensors file of this folder"},
      {R"({"weight_map": {"b": "/etc/passwd"}})", "is not the name of a safetensors file of this folder"},
      {R"({"weight_map": {"b": ""}})", "is not the name of a safetensors file of this folder"},
      {R"({"weight_map": {"b": "m-1.safetensors"})", "not valid JSON at byte"},
      {std::string_view("{\"weight_map\": {}}\0", 19), "zero byte"},
  };
  for (const auto& [index, message] : cases) {
    const Error error = refusal(folder, index);
    EXPECT_EQ(error.code(), ErrorCode::bad_file) << index;
    EXPECT_NE(std::string_view(error.what()).find(message), std::string_view::npos) << index << ": " << error.what();
    EXPECT_TRUE(std::string_view(error.what()).starts_with(folder.path(kIndex) + ": ")) << error.what();
  }
}

}  // namespace
}  // namespace tidemill
