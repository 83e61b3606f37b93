#include "text/unigram/unigram_sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "tidemill/error.h"

namespace tidemill {
namespace {

using Ids = std::vector<int32_t>;

UnigramVocab little() {
  UnigramVocab v;
  v.tokens = {"<unk>", "a", "b", "ab", "ba", "aba"};
  v.scores = {-3, -1, -1.5, -2, -2.25, -4};
  v.unknown = 0;
  return v;
}

// All ways to write `text` with their scores.
std::map<Ids, double> all_ways(const UnigramVocab& v, const std::string& text) {
  std::map<Ids, double> ways;
  const std::function<void(size_t, Ids, double)> go_on = [&](size_t pos, const Ids& ids, double score) {
    if (pos == text.size()) ways[ids] = score;
    for (size_t id = 0; id < v.tokens.size() && pos < text.size(); ++id) {
      if (text.compare(pos, v.tokens[id].size(), v.tokens[id]) != 0) continue;
      Ids more = ids;
      more.push_back(static_cast<int32_t>(id));
      go_on(pos + v.tokens[id].size(), more, score + v.scores[id]);
    }
  };
  go_on(0, {}, 0);
  return ways;
}

TEST(UnigramSampler, DrawsWaysByTheirProbability) {
  const auto sampler = UnigramSampler::make(little(), UnigramRules::hugging_face, "v");
  const std::map<Ids, double> ways = all_ways(little(), "abaab");
  ASSERT_EQ(ways.size(), 8u);
  for (const double alpha : {0.0, 0.5, 2.0}) {
    double total = 0;
    for (const auto& [ids, score] : ways) total += std::exp(alpha * score);
    constexpr int kDraws = 20000;
    std::map<Ids, int> drawn;
    Random random(7);
    for (int k = 0; k < kDraws; ++k) ++drawn[sampler->sample("abaab", alpha, random)];
    for (const auto& [ids, score] : ways) {
      const double expected = std::exp(alpha * score) / total;
      const double error = 5 * std::sqrt(expected * (1 - expected) / kDraws);
      EXPECT_NEAR(static_cast<double>(drawn[ids]) / kDraws, expected, error) << alpha;
    }
    EXPECT_LE(drawn.size(), ways.size());
  }
}

TEST(UnigramSampler, TheSameSeedDrawsTheSame) {
  const auto sampler = UnigramSampler::make(little(), UnigramRules::sentencepiece, "v");
  Random one(3), same(3), other(4);
  const std::string text(200, 'a');
  EXPECT_EQ(sampler->sample(text + "bab", 0.1, one), sampler->sample(text + "bab", 0.1, same));
  std::string mixed;
  for (int k = 0; k < 50; ++k) mixed += "aab";
  EXPECT_NE(sampler->sample(mixed, 0.1, one), sampler->sample(mixed, 0.1, other));
}

TEST(UnigramSampler, FindsTheBestInOrder) {
  const auto sampler = UnigramSampler::make(little(), UnigramRules::hugging_face, "v");
  std::vector<double> scores;
  for (const auto& [ids, score] : all_ways(little(), "abaab")) scores.push_back(score);
  std::sort(scores.rbegin(), scores.rend());
  const auto best = sampler->n_best("abaab", 100);
  ASSERT_EQ(best.size(), scores.size());
  for (size_t k = 0; k < best.size(); ++k) EXPECT_NEAR(best[k].score, scores[k], 1e-12);
  EXPECT_EQ(sampler->n_best("abaab", 3).size(), 3u);
  EXPECT_THROW(sampler->n_best("a", 2000), Error);
  EXPECT_EQ(sampler->n_best("", 3).size(), 1u);
  EXPECT_TRUE(sampler->n_best("a", 0).empty());
}

TEST(UnigramSampler, DrawsOfTheBest) {
  const auto sampler = UnigramSampler::make(little(), UnigramRules::hugging_face, "v");
  const auto best = sampler->n_best("abaab", 2);
  std::map<Ids, int> drawn;
  Random random(1);
  for (int k = 0; k < 4000; ++k) ++drawn[sampler->sample_of_best("abaab", 2, 1.0, random)];
  ASSERT_LE(drawn.size(), 2u);
  const double odds = std::exp(best[0].score - best[1].score);
  EXPECT_NEAR(drawn[best[0].ids] / 4000.0, odds / (1 + odds), 0.04);
}

TEST(UnigramSampler, JoinsUnknownNeighbours) {
  const auto sampler = UnigramSampler::make(little(), UnigramRules::sentencepiece, "v");
  Random random(1);
  EXPECT_EQ(sampler->sample("xéa", 1, random), (Ids{0, 1}));
  EXPECT_EQ(sampler->n_best("xéa", 1)[0].ids, (Ids{0, 1}));
}

TEST(UnigramSampler, TakesLinearTimeAndFinds) {
  const auto sampler = UnigramSampler::make(little(), UnigramRules::sentencepiece, "v");
  Random random(1);
  std::string text;
  for (int k = 0; k < 100000; ++k) text += "aba";
  EXPECT_GT(sampler->sample(text, 0.2, random).size(), 100000u);
}

}  // namespace
}  // namespace tidemill
