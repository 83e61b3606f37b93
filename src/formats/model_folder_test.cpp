#include "formats/model_folder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "formats/safetensors_test_file.h"
#include "sys/test_folder.h"

namespace tidemill {
namespace {

using Names = std::vector<std::string>;

std::string one_tensor(std::string_view name) {
  return safetensors_text("{" + safetensors_entry(name, "U8", "[1]", 0, 1) + "}", "x");
}

Error refusal(const std::string& path) {
  try {
    open_model_folder(path);
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::internal, "read"};
}

void expect_refusal(const TestFolder& folder, ErrorCode code, std::string_view message) {
  const Error error = refusal(folder.path("."));
  EXPECT_EQ(error.code(), code) << error.what();
  EXPECT_NE(std::string_view(error.what()).find(message), std::string_view::npos) << error.what();
}

TEST(ModelFolder, HoldsConfigsAndWeights) {
  const TestFolder test;
  test.write("config.json", R"({"model_type": "llama", "limit": Infinity})");
  test.write("generation_config.json", R"({"eos_token_id": [1, 2]})");
  test.write("model.safetensors", sample_safetensors());
  for (const std::string_view ending : {".", "./", ".//"}) {
    const ModelFolder folder = open_model_folder(test.path(ending));
    EXPECT_EQ(folder.path, test.path("."));
    EXPECT_EQ(folder.config["model_type"], "llama");
    EXPECT_EQ(folder.config["limit"].get<double>(), HUGE_VAL);
    EXPECT_EQ(folder.generation_config["eos_token_id"][1], 2);
    EXPECT_EQ(folder.weights->require("wq", {2, 3}).dtype(), DType::f32);
    EXPECT_EQ(folder.file("tokenizer.json"), test.path("./tokenizer.json"));
  }
}

TEST(ModelFolder, PrefersOneFileThenTheIndexThenTheOnlyOther) {
  const TestFolder test;
  test.write("config.json", "{}");
  test.write("other.safetensors", one_tensor("other"));
  EXPECT_EQ(open_model_folder(test.path(".")).weights->names(), Names{"other"});
  EXPECT_TRUE(open_model_folder(test.path(".")).generation_config.is_null());
  test.write("shard.safetensors", one_tensor("shard"));
  expect_refusal(test, ErrorCode::not_found, "holds 2 .safetensors files (other.safetensors and others) but no ");
  test.write("model.safetensors.index.json", R"({"weight_map": {"shard": "shard.safetensors"}})");
  EXPECT_EQ(open_model_folder(test.path(".")).weights->names(), Names{"shard"});
  test.write("model.safetensors", one_tensor("whole"));
  EXPECT_EQ(open_model_folder(test.path(".")).weights->names(), Names{"whole"});
}

TEST(ModelFolder, SaysWhatIsMissing) {
  const TestFolder test;
  EXPECT_EQ(refusal(test.path("none")).code(), ErrorCode::not_found);
  expect_refusal(test, ErrorCode::not_found, "config.json: missing");
  test.write("config.json", "{}");
  expect_refusal(test, ErrorCode::not_found, "holds no .safetensors file;");
  test.write("pytorch_model.bin", "x");
  expect_refusal(test, ErrorCode::not_found, "only weights that are programs (.bin, .pth)");
}

TEST(ModelFolder, RefusesDamagedFiles) {
  const TestFolder test;
  test.write("model.safetensors", sample_safetensors());
  test.write("config.json", "[]");
  expect_refusal(test, ErrorCode::bad_file, "config.json: holds array, expected an object");
  test.write("config.json", "{");
  expect_refusal(test, ErrorCode::bad_file, "config.json: not valid JSON in line 1");
  test.write("config.json", "{}");
  test.write("generation_config.json", "null");
  expect_refusal(test, ErrorCode::bad_file, "generation_config.json: holds null, expected an object");
  test.write("generation_config.json", "{}");
  test.write("model.safetensors", "x");
  expect_refusal(test, ErrorCode::bad_file, "model.safetensors: too short");
}

TEST(ModelFolder, LinksAreFollowed) {
  const TestFolder test, blobs;
  test.write("config.json", "{}");
  std::filesystem::create_symlink(blobs.write("0123abcd", one_tensor("linked")), test.path("model.safetensors"));
  EXPECT_EQ(open_model_folder(test.path(".")).weights->names(), Names{"linked"});
}

TEST(ModelFolder, WeightsAloneComeFromAFileAnIndexOrAFolder) {
  const TestFolder test;
  const std::string file = test.write("some.safetensors", one_tensor("a"));
  EXPECT_EQ(open_safetensors_weights(file)->names(), Names{"a"});
  EXPECT_EQ(open_safetensors_weights(test.path("."))->names(), Names{"a"});
  const std::string index = test.write("x.safetensors.index.json", R"({"weight_map": {"a": "some.safetensors"}})");
  EXPECT_EQ(open_safetensors_weights(index)->names(), Names{"a"});
}

}  // namespace
}  // namespace tidemill
