// Every golden model on every instruction set: a sequence's scores have the same bits alone, in pieces or id by id, in
// a batch with others, by any number of threads, from a forked state, and from one that was saved and restored.
#include <gtest/gtest.h>

#include <algorithm>

#include "api/engine_impl.h"
#include "api/golden_models_for_test.h"
#include "sys/test_folder.h"

namespace tidemill {
namespace {

using Scores = std::vector<std::vector<float>>;

class ModelsTest : public GoldenModelTest {
 protected:
  static constexpr size_t kLength = 41;

  static Engine load(int threads) {
    return Engine::load(GetParam().folder, {.threads = threads, .context_length = 64});
  }

  std::vector<int32_t> ids(int32_t seed, size_t n = kLength) const {
    const auto n_known = static_cast<size_t>(std::min<int64_t>(256, engine_.vocab_size()));
    std::vector<int32_t> result;
    for (size_t i = 0; i < n; ++i)
      result.push_back(static_cast<int32_t>((static_cast<size_t>(seed) + i * 67) % n_known));
    return result;
  }

  static void score(Session& session, std::span<const int32_t> ids, Scores& scores) {
    session.score(ids, [&](int64_t, std::span<const float> row) { scores.emplace_back(row.begin(), row.end()); });
  }
  Scores alone(const Engine& engine, int32_t seed) const {
    Session session(engine);
    Scores scores;
    score(session, ids(seed), scores);
    return scores;
  }

  Engine engine_ = load(2);
};

TEST_P(ModelsTest, BitsDoNotDependOnThreads) {
  const Scores expected = alone(engine_, 3);
  ASSERT_EQ(expected.size(), kLength);
  for (const int threads : {1, 3}) EXPECT_EQ(alone(load(threads), 3), expected) << threads << " threads";
}

TEST_P(ModelsTest, IdByIdGivesWhatOnePassGives) {
  const std::vector<int32_t> text = ids(5);
  Session session(engine_);
  Scores scores;
  for (size_t i = 0; i < kLength; ++i) score(session, std::span(text).subspan(i, 1), scores);
  EXPECT_EQ(scores, alone(engine_, 5));
}

// Prompts of different lengths and single steps share batches; each sequence must not notice.
TEST_P(ModelsTest, BitsDoNotDependOnTheOthersInTheBatch) {
  constexpr size_t kSequences = 5;
  Engine::Impl& impl = *engine_.impl();
  std::vector<StatePool::Lease> states;
  std::vector<std::vector<int32_t>> texts;
  std::vector<size_t> n_fed(kSequences, 0);
  std::vector<Scores> found(kSequences);
  for (size_t i = 0; i < kSequences; ++i) {
    states.push_back(impl.states->acquire());
    texts.push_back(ids(static_cast<int32_t>(i * 11)));
  }
  for (size_t step = 0; n_fed != std::vector<size_t>(kSequences, kLength); ++step) {
    std::vector<Feed> feeds;
    std::vector<size_t> whose;
    for (size_t i = 0; i < kSequences; ++i) {
      const size_t n = std::min(kLength - n_fed[i], (step + i) % 3 == 0 ? size_t{1} : (3 * step + 5 * i) % 13);
      if (n == 0) continue;
      feeds.push_back(
          {.state = states[i].get(), .ids = std::span(texts[i]).subspan(n_fed[i], n), .wanted = LogitsWanted::all});
      whose.push_back(i);
      n_fed[i] += n;
    }
    if (feeds.empty()) continue;
    impl.runner->feed(feeds, [&](size_t feed, int64_t, std::span<const float> row) {
      found[whose[feed]].emplace_back(row.begin(), row.end());
    });
  }
  for (size_t i = 0; i < kSequences; ++i) EXPECT_EQ(found[i], alone(engine_, static_cast<int32_t>(i * 11))) << i;
}

TEST_P(ModelsTest, AForkGoesOnAsTheOriginal) {
  const Scores expected = alone(engine_, 7);
  const std::vector<int32_t> text = ids(7);
  Session session(engine_);
  Scores scores;
  score(session, std::span(text).first(19), scores);
  Session fork = session.fork();
  Scores forked = scores, other;
  score(session, ids(100, 5), other);  // what the original does meanwhile
  score(fork, std::span(text).subspan(19), forked);
  EXPECT_EQ(forked, expected);
}

TEST_P(ModelsTest, ASavedStateGoesOnAsTheOriginal) {
  const TestFolder folder;
  const std::string path = folder.path("state.safetensors");
  const Scores expected = alone(engine_, 7);
  const std::vector<int32_t> text = ids(7);
  Scores scores;
  {
    Session session(engine_);
    score(session, std::span(text).first(23), scores);
    session.save(path);
  }
  const Engine another = load(1);
  Session session(another);
  Scores unrelated;
  score(session, ids(50, 9), unrelated);
  session.restore(path);
  EXPECT_EQ(session.size(), 23);
  score(session, std::span(text).subspan(23), scores);
  EXPECT_EQ(scores, expected);
}

TEST_P(ModelsTest, ACutSessionGoesOnFromThere) {
  const Scores expected = alone(engine_, 9);
  const std::vector<int32_t> text = ids(9);
  Session session(engine_);
  Scores scores, unrelated;
  score(session, std::span(text).first(30), scores);
  score(session, ids(200, 4), unrelated);
  session.truncate(12);
  EXPECT_EQ(session.size(), 12);
  scores.resize(12);
  score(session, std::span(text).subspan(12), scores);
  EXPECT_EQ(scores, expected);
}

INSTANTIATE_TEST_SUITE_P(Golden, ModelsTest, testing::ValuesIn(golden_models("causal")), name_of_golden_model);

TEST(ExtraModels, AreThere) {
  if (extra_models().empty()) GTEST_SKIP() << "TIDEMILL_EXTRA_DATA names no folder with models/";
  EXPECT_TRUE(std::filesystem::is_directory(extra_models())) << extra_models();
}

}  // namespace
}  // namespace tidemill
