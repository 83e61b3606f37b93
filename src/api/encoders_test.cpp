// Every golden encoder on every instruction set: a text's hidden states have the same bits alone, with others in any
// order, and by any number of threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "api/golden_models_for_test.h"
#include "tidemill/engine.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using States = std::vector<std::vector<float>>;  // of each text

std::string folder_of(const std::string& name) {
  return std::string(TIDEMILL_SOURCE_DIR) + "/tests/golden/models/" + name;
}

class EncodersTest : public GoldenModelTest {
 protected:
  static Engine load(int threads) { return Engine::load(GetParam().folder, {.threads = threads}); }

  // Texts of 1 to 90 ids, together more than one pass takes.
  static std::vector<std::vector<int32_t>> texts() {
    std::vector<std::vector<int32_t>> result;
    for (int32_t i = 0; i < 24; ++i) {
      auto& text = result.emplace_back(static_cast<size_t>(1 + i * 37 % 90));
      for (size_t at = 0; at < text.size(); ++at) text[at] = static_cast<int32_t>((i * 11 + at * 67) % 256);
    }
    return result;
  }
  static States encode(const Engine& engine, const std::vector<std::vector<int32_t>>& texts) {
    std::vector<EncoderInput> inputs;
    for (const auto& text : texts) inputs.push_back({.ids = text});
    States states;
    engine.encode(inputs, [&](size_t index, const Tensor& hidden) {
      EXPECT_EQ(index, states.size());
      EXPECT_EQ(hidden.dim(0), std::ssize(texts[index]));
      states.emplace_back(hidden.as<float>(), hidden.as<float>() + hidden.n_elements());
    });
    return states;
  }
};

TEST_P(EncodersTest, BitsDoNotDependOnTheOthersOrOnThreads) {
  auto all = texts();
  States expected;
  const Engine one = load(1);
  for (const auto& text : all) expected.push_back(encode(one, {text}).at(0));
  for (const int threads : {1, 2, 3}) EXPECT_EQ(encode(load(threads), all), expected) << threads << " threads";
  std::reverse(all.begin(), all.end());
  std::reverse(expected.begin(), expected.end());
  EXPECT_EQ(encode(one, all), expected);
}

TEST_P(EncodersTest, TheContextCanBeShorterThanTheModels) {
  const Engine engine = Engine::load(GetParam().folder, {.threads = 1, .context_length = 8});
  EXPECT_EQ(engine.context_length(), 8);
  const std::vector<int32_t> text(9, 5);
  const EncoderInput whole{.ids = text}, part{.ids = std::span(text).first(8)};
  EXPECT_NO_THROW(engine.encode({&part, 1}, [](size_t, const Tensor&) {}));
  try {
    engine.encode({&whole, 1}, [](size_t, const Tensor&) { FAIL(); });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::context_full);
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, EncodersTest, testing::ValuesIn(golden_models("encoder")), name_of_golden_model);

TEST(EncoderTest, AnEncoderHasNoSessionsAndOthersEncodeNothing) {
  const Engine encoder = Engine::load(folder_of("bert"), {.threads = 1});
  const Engine causal = Engine::load(folder_of("gpt2-tied"), {.threads = 1});
  EXPECT_TRUE(encoder.is_encoder());
  EXPECT_FALSE(causal.is_encoder());
  const auto code_of = [](const auto& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(code_of([&] { Session session(encoder); }), ErrorCode::unsupported);
  EXPECT_EQ(code_of([&] { causal.encode({}, [](size_t, const Tensor&) {}); }), ErrorCode::unsupported);
}

TEST(EncoderTest, NothingIsComputedWhenOneTextIsRefused) {
  const Engine engine = Engine::load(folder_of("bert"), {.threads = 1});
  const std::vector<int32_t> good{1, 2}, unknown{300}, types{0};
  for (const EncoderInput& bad :
       {EncoderInput{}, EncoderInput{.ids = unknown}, EncoderInput{.ids = good, .types = types}}) {
    const std::vector<EncoderInput> inputs{{.ids = good}, bad};
    EXPECT_THROW(engine.encode(inputs, [](size_t, const Tensor&) { FAIL(); }), Error);
  }
}

// The first rows of RoBERTa's learned positions are for ids up to that of padding.
TEST(EncoderTest, RobertasPositionsBeginAfterThatOfPadding) {
  const Engine engine = Engine::load(folder_of("roberta"), {.threads = 1});
  const std::vector<int32_t> longest(96, 7), too_long(97, 7);
  const EncoderInput fits{.ids = longest}, does_not{.ids = too_long};
  EXPECT_EQ(engine.context_length(), 96);
  EXPECT_NO_THROW(engine.encode({&fits, 1}, [](size_t, const Tensor&) {}));
  EXPECT_THROW(engine.encode({&does_not, 1}, [](size_t, const Tensor&) {}), Error);
}

}  // namespace
}  // namespace tidemill
