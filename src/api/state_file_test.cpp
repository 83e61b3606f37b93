// Saved states that do not belong here: each is refused, and the session is empty then and can be used.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "sys/test_folder.h"
#include "tidemill/engine.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

std::string model(const std::string& name) {
  return std::string(TIDEMILL_SOURCE_DIR) + "/tests/golden/models/" + name;
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class StateFileTest : public testing::Test {
 protected:
  StateFileTest() {
    Session session(engine_);
    session.append(std::vector<int32_t>{1, 2, 3, 4, 5});
    session.save(path_);
  }

  // The message with which `path_` is refused; the session must work afterwards.
  std::string refusal(const Engine& engine, ErrorCode code = ErrorCode::bad_file) {
    Session session(engine);
    session.append(std::vector<int32_t>{9});
    std::string message;
    try {
      session.restore(path_);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      message = error.what();
    }
    EXPECT_EQ(session.size(), 0);
    session.append(std::vector<int32_t>{1, 2});
    return message;
  }

  TestFolder folder_;
  std::string path_ = folder_.path("state");
  Engine engine_ = Engine::load(model("llama-gqa-untied"), {.threads = 1});
};

TEST_F(StateFileTest, OfAnotherModel) {
  const Engine other = Engine::load(model("mistral-window"), {.threads = 1});
  EXPECT_NE(refusal(other).find("another model"), std::string::npos);
}

TEST_F(StateFileTest, OfAnotherPrecision) {
  const std::string quantised = std::string(TIDEMILL_SOURCE_DIR) + "/tests/golden/models/qwen2-bias-tied";  // bf16
  const Engine fast = Engine::load(quantised, {.threads = 1});
  const Engine exact = Engine::load(quantised, {.threads = 1, .precision = Precision::f32});
  Session session(fast);
  session.append(std::vector<int32_t>{1, 2, 3});
  session.save(path_);
  EXPECT_NE(refusal(exact).find("precision"), std::string::npos);
}

TEST_F(StateFileTest, LongerThanTheContext) {
  const Engine small = Engine::load(model("llama-gqa-untied"), {.threads = 1, .context_length = 4});
  EXPECT_NE(refusal(small, ErrorCode::context_full).find("5 positions"), std::string::npos);
}

TEST_F(StateFileTest, CutAnywhere) {
  const std::string whole = read(path_);
  for (size_t size = 0; size < whole.size(); size += 1 + whole.size() / 50) {
    folder_.write("state", whole.substr(0, size));
    refusal(engine_);
  }
}

TEST_F(StateFileTest, WithIdsOutsideTheVocabulary) {
  std::string bytes = read(path_);
  const std::string ids("\1\0\0\0\2\0\0\0\3\0\0\0", 12);
  bytes.replace(bytes.find(ids), 4, "\xff\xff\xff\x7f");
  folder_.write("state", bytes);
  EXPECT_NE(refusal(engine_).find("vocabulary"), std::string::npos);
}

TEST_F(StateFileTest, NoStateAtAll) {
  folder_.write("state", read(model("llama-gqa-untied") + "/model.safetensors"));
  EXPECT_NE(refusal(engine_).find("no saved state"), std::string::npos);
}

}  // namespace
}  // namespace tidemill
