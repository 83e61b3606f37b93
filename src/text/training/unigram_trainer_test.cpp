// Expected values are those of Hugging Face's tokenizers 0.23.3; tests/text/test_unigram_training.py compares much
// more.
#include "text/training/unigram_trainer.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>

#include "tidemill/error.h"

namespace tidemill {
namespace {

void run_here(size_t n, const std::function<void(size_t)>& body) {
  for (size_t part = 0; part < n; ++part) body(part);
}

// Another order and other threads.
void run_backwards(size_t n, const std::function<void(size_t)>& body) {
  std::thread last([&] { body(n - 1); });
  for (size_t part = n - 1; part-- > 0;) body(part);
  last.join();
}

WordCounts counts_of(const std::vector<std::pair<std::string, int64_t>>& words) {
  WordCounts counts;
  for (const auto& [word, count] : words) counts.add(word, count);
  return counts;
}

std::vector<std::pair<std::string, int64_t>> numbers() {
  std::vector<std::pair<std::string, int64_t>> words;
  for (int k = 0; k < 3000; ++k) words.emplace_back(std::to_string(k * k), k % 7 + 1);
  return words;
}

std::string joined(const std::vector<UnigramToken>& tokens) {
  std::string text;
  for (const UnigramToken& token : tokens) text += token.text + " ";
  return text;
}

bool equal(const std::vector<UnigramToken>& one, const std::vector<UnigramToken>& two) {
  return std::equal(one.begin(), one.end(), two.begin(), two.end(), [](const UnigramToken& a, const UnigramToken& b) {
    return a.text == b.text && a.score == b.score;
  });
}

TEST(UnigramTrainer, OneWord) {
  const auto tokens = train_unigram(counts_of({{"▁mississippimississippi", 1}}), {.vocab_size = 10}, run_here);
  EXPECT_EQ(joined(tokens), "mississippi s p m i ▁ ");
  EXPECT_DOUBLE_EQ(tokens[0].score, -0.5000000000000001);
  EXPECT_DOUBLE_EQ(tokens[1].score, -1.4997);  // a lost character's
  EXPECT_DOUBLE_EQ(tokens[5].score, -1.5);
}

TEST(UnigramTrainer, TheOrderOfTheWordsAndThreadsChangeNothing) {
  std::vector<std::pair<std::string, int64_t>> words = numbers();
  const auto one = train_unigram(counts_of(words), {.vocab_size = 100}, run_here);
  std::reverse(words.begin(), words.end());
  const auto two = train_unigram(counts_of(words), {.vocab_size = 100}, run_backwards);
  EXPECT_EQ(one.size(), 100u);
  EXPECT_TRUE(equal(one, two));
}

TEST(UnigramTrainer, SpecialTokensComeFirstAndOnce) {
  const auto tokens =
      train_unigram(counts_of(numbers()), {.vocab_size = 50, .special_tokens = {"<s>", "1", "<s>", "10"}}, run_here);
  ASSERT_EQ(tokens.size(), 50u);
  EXPECT_TRUE(joined(tokens).starts_with("<s> 1 10 "));
  for (size_t id = 0; id < tokens.size(); ++id) {
    EXPECT_EQ(tokens[id].score == 0, id < 3);
    EXPECT_TRUE(id < 3 || (tokens[id].text != "1" && tokens[id].text != "10"));
  }
}

TEST(UnigramTrainer, AVocabularyWithoutRoomForTheCharactersIsRefused) {
  const UnigramTrainingOptions options{.vocab_size = 11, .special_tokens = {"<s>", "</s>"}};
  try {
    train_unigram(counts_of(numbers()), options, run_here);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_NE(std::string(error.what()).find("at least 12"), std::string::npos) << error.what();
  }
}

TEST(UnigramTrainer, NothingToLearnFrom) {
  EXPECT_TRUE(train_unigram({}, {}, run_here).empty());
  EXPECT_EQ(joined(train_unigram(counts_of({{"", 3}}), {.special_tokens = {"<unk>"}}, run_here)), "<unk> ");
  const auto null = train_unigram(counts_of({{std::string(1, '\0'), 3}}), {}, run_here);
  ASSERT_EQ(null.size(), 1u);
  EXPECT_EQ(null[0].score, 0);
}

TEST(UnigramTrainer, AMonitorSeesTheShareGrowAndMayEndIt) {
  double last = 0;
  const auto watch = [&](double share) {
    EXPECT_GE(share, last);
    EXPECT_LE(share, 1);
    last = share;
  };
  train_unigram(counts_of(numbers()), {.vocab_size = 100}, run_here, watch);
  EXPECT_GT(last, 0.5);
  const auto stop = [](double) { throw std::runtime_error("enough"); };
  EXPECT_THROW(train_unigram(counts_of(numbers()), {.vocab_size = 100}, run_here, stop), std::runtime_error);
}

}  // namespace
}  // namespace tidemill
