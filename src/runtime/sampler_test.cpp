#include "runtime/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tidemill/error.h"
#include "tidemill/probability.h"

namespace tidemill {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Everything off, so that a test switches on what it is about.
SamplingOptions plain(float temperature = 1) {
  return {.temperature = temperature, .top_k = 0, .top_p = 1, .min_p = 0, .seed = 42};
}

// Shares of `n` draws that fell on each id.
std::vector<double> shares(Sampler& sampler, const std::vector<float>& logits, int n = 20000) {
  std::vector<double> result(logits.size());
  for (int draw = 0; draw < n; ++draw) result[static_cast<size_t>(sampler.sample(logits))] += 1.0 / n;
  return result;
}

TEST(Sampler, GreedyTakesTheGreatestAndTheLowestIdAmongEquals) {
  Sampler sampler(plain(0));
  EXPECT_EQ(sampler.sample(std::vector<float>{1, 3, 2}), 1);
  EXPECT_EQ(sampler.sample(std::vector<float>{1, 3, 3}), 1);
  EXPECT_EQ(sampler.sample(std::vector<float>{-HUGE_VALF, -1e30f}), 1);
}

TEST(Sampler, NaNIsNeverChosen) {
  const std::vector<float> logits = {kNaN, 1, kNaN, 0};
  Sampler greedy(plain(0));
  EXPECT_EQ(greedy.sample(logits), 1);
  Sampler drawing(plain());
  for (int draw = 0; draw < 200; ++draw) EXPECT_EQ(drawing.sample(logits) % 2, 1);
  EXPECT_THROW(greedy.sample(std::vector<float>{kNaN, kNaN}), Error);
  EXPECT_THROW(drawing.sample(std::vector<float>{kNaN, kNaN}), Error);
}

TEST(Sampler, DrawsBySoftmaxProbabilities) {
  const std::vector<float> logits = {0, 1, 2, -1};
  const double total = std::exp(log_sum_exp(logits));
  Sampler sampler(plain());
  const auto found = shares(sampler, logits);
  for (size_t id = 0; id < logits.size(); ++id) EXPECT_NEAR(found[id], std::exp(logits[id]) / total, 0.015);
}

TEST(Sampler, TemperatureDividesScores) {
  const std::vector<float> logits = {0, 1};
  Sampler sampler(plain(0.5f));
  EXPECT_NEAR(shares(sampler, logits)[1], 1 / (1 + std::exp(-2.0)), 0.015);
}

TEST(Sampler, TopKKeepsTheMostLikely) {
  SamplingOptions options = plain();
  options.top_k = 2;
  Sampler sampler(options);
  const auto found = shares(sampler, {0, 1, 2, 1.5f});
  EXPECT_EQ(found[0] + found[1], 0);
  EXPECT_GT(found[3], 0.3);
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  SamplingOptions options = plain();
  options.top_p = 0.7f;  // probabilities are 0.64 0.24 0.09 0.03: the first two are needed
  Sampler sampler(options);
  const auto found = shares(sampler, {3, 2, 1, 0});
  EXPECT_EQ(found[2] + found[3], 0);
  EXPECT_NEAR(found[0], 1 / (1 + std::exp(-1.0)), 0.015);
}

TEST(Sampler, MinPDropsWhatIsFarFromTheBest) {
  SamplingOptions options = plain();
  options.min_p = 0.2f;  // e^-1 = 0.37 stays, e^-2 = 0.14 goes
  Sampler sampler(options);
  const auto found = shares(sampler, {3, 2, 1, 0});
  EXPECT_EQ(found[2] + found[3], 0);
  EXPECT_GT(found[1], 0.2);
}

TEST(Sampler, RepeatPenaltyDividesPositiveAndMultipliesNegativeScores) {
  SamplingOptions options = plain(0);
  options.repeat_penalty = 2;
  Sampler sampler(options);
  sampler.accept(0);
  sampler.accept(2);
  EXPECT_EQ(sampler.sample(std::vector<float>{4, 2.5f, 1}), 1);     // 4 -> 2
  EXPECT_EQ(sampler.sample(std::vector<float>{-4, -6, -3.5f}), 1);  // -4 -> -8, -3.5 -> -7
}

TEST(Sampler, FrequencyAndPresencePenaltiesFollowOpenAI) {
  SamplingOptions options = plain(0);
  options.frequency_penalty = 1;
  options.presence_penalty = 0.5f;
  Sampler sampler(options);
  for (int id : {0, 0, 0, 1}) sampler.accept(id);
  EXPECT_EQ(sampler.sample(std::vector<float>{5, 3, 0}), 0);  // 5 - 3.5 = 1.5, 3 - 1.5 = 1.5: the lower id
  EXPECT_EQ(sampler.sample(std::vector<float>{5, 3.1f, 0}), 1);
  EXPECT_EQ(sampler.sample(std::vector<float>{5, 3, 1.6f}), 2);
}

TEST(Sampler, PenaltiesForgetTokensBeyondTheWindow) {
  SamplingOptions options = plain(0);
  options.presence_penalty = 10;
  options.repeat_last_n = 2;
  Sampler sampler(options);
  for (int id : {0, 1, 2}) sampler.accept(id);
  EXPECT_EQ(sampler.sample(std::vector<float>{1, 5, 5}), 0);
}

TEST(Sampler, LogitBiasBansAndForces) {
  SamplingOptions options = plain(0);
  options.logit_bias = {{0, -100.0f}, {7, 1.0f}};  // ids outside the vocabulary are ignored
  Sampler banning(options);
  EXPECT_EQ(banning.sample(std::vector<float>{9, 1}), 1);
  options.logit_bias = {{1, 100.0f}};
  Sampler forcing(options);
  EXPECT_EQ(forcing.sample(std::vector<float>{9, 1}), 1);
}

TEST(Sampler, TheSameSeedDrawsTheSame) {
  const std::vector<float> logits(100, 1.0f);
  Sampler first(plain()), second(plain());
  SamplingOptions other_seed = plain();
  other_seed.seed = 43;
  Sampler third(other_seed);
  int n_equal = 0;
  for (int draw = 0; draw < 100; ++draw) {
    const int32_t id = first.sample(logits);
    EXPECT_EQ(id, second.sample(logits));
    n_equal += id == third.sample(logits);
  }
  EXPECT_LT(n_equal, 20);
}

TEST(Sampler, OptionsOutOfRangeAreRefusedByName) {
  for (float bad : {-1.0f, kNaN, 101.0f}) {
    SamplingOptions options = plain();
    options.temperature = bad;
    EXPECT_THROW(Sampler{options}, Error);
  }
  SamplingOptions options = plain();
  options.top_p = 1.5f;
  try {
    validate(options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_NE(std::string(error.what()).find("top_p"), std::string::npos);
  }
}

// What `reach` leaves out changes nothing: the same tokens, draw by draw.
TEST(Sampler, ScoresOutOfReachDoNotMatter) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  const SamplingOptions kOptions[] = {
      {.temperature = 0, .seed = 1},
      {.temperature = 0.8f, .top_k = 1, .seed = 1},
      {.temperature = 0.8f, .top_k = 40, .top_p = 0.95f, .min_p = 0.05f, .seed = 1},
      {.temperature = 1, .top_k = 64, .top_p = 0.95f, .min_p = 0, .seed = 1},
      {.temperature = 2.5f, .top_k = 0, .top_p = 1, .min_p = 0.1f, .seed = 1},
      {.temperature = 1, .top_k = 0, .top_p = 0.9f, .min_p = 0, .seed = 1},
      {.temperature = 1, .top_k = 3, .top_p = 1, .min_p = 1, .seed = 1},
      {.temperature = 0, .repeat_penalty = 1.5f, .seed = 1},
      {.temperature = 1, .min_p = 0.05f, .logit_bias = {{7, 100.0f}}, .seed = 1},
  };
  for (const SamplingOptions& options : kOptions) {
    Sampler all(options), within(options);
    for (int step = 0; step < 300; ++step) {
      std::vector<float> logits(500);
      // Some steps have few distinct scores, so that many are equal, and one in ten a score that is none.
      for (float& logit : logits) logit = step % 3 == 0 ? std::round(normal(random)) : 4 * normal(random);
      if (step % 10 == 0) logits[random() % 500] = kNaN;
      const int32_t expected = all.sample(logits);
      const float least = least_in_reach(logits, within.reach());
      for (float& logit : logits)
        if (logit < least) logit = -HUGE_VALF;
      ASSERT_EQ(within.sample(logits), expected) << step;
      all.accept(expected);
      within.accept(expected);
    }
  }
}

TEST(Sampler, EveryScoreIsInReachWhereOthersMayChangeThem) {
  EXPECT_TRUE(Sampler({.temperature = 0, .repeat_penalty = 1.1f}).reach().is_all());
  EXPECT_TRUE(Sampler({.temperature = 0, .presence_penalty = 1}).reach().is_all());
  EXPECT_TRUE(Sampler({.temperature = 0, .logit_bias = {{1, 2.0f}}}).reach().is_all());
  EXPECT_TRUE(Sampler(plain()).reach().is_all());
  EXPECT_FALSE(Sampler(plain(0)).reach().is_all());
}

}  // namespace
}  // namespace tidemill
