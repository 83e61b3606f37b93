// Which of tests/golden/onnx are known by their structure.  That they give what ONNX Runtime gives is tested by
// tests/golden/test_onnx_encoders.py, whatever runs them.
#include "models/onnx/recognized.h"

#include <gtest/gtest.h>

#include <string>

namespace tidemill::onnx {
namespace {

std::unique_ptr<Model> recognized(const std::string& name) {
  const auto file =
      std::make_shared<const OnnxFile>(std::string(TIDEMILL_SOURCE_DIR) + "/tests/golden/onnx/" + name + ".onnx");
  return recognize(file, outline_of(file), 512);
}

class RecognizedTest : public testing::TestWithParam<std::string> {};

TEST_P(RecognizedTest, TheStructureIsKnown) {
  const auto model = recognized(GetParam());
  ASSERT_NE(model, nullptr);
  const bool is_modern = GetParam().starts_with("modern");
  EXPECT_EQ(model->config().n_layers, is_modern ? 4 : 2);
  EXPECT_EQ(model->config().d_model, 16);
  EXPECT_EQ(model->config().vocab_size, 60);
  EXPECT_EQ(model->config().context_length, is_modern ? 512 : 40);
}

INSTANTIATE_TEST_SUITE_P(All, RecognizedTest,
                         testing::Values("bert-eager-14", "bert-pooled-17", "bert-dynamo", "roberta-14",
                                         "roberta-dynamo", "distilbert-17", "modernbert-17", "modernbert-dynamo"),
                         [](const auto& param) {
                           std::string name = param.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

// Biases by distance that are not T5's, and attention between content and distance: they run as graphs.
TEST(RecognizedOthersTest, OtherStructuresAreNot) {
  for (const char* const name : {"mpnet-17", "t5-encoder-17", "deberta-dynamo"}) EXPECT_EQ(recognized(name), nullptr);
}

}  // namespace
}  // namespace tidemill::onnx
