// EmbeddingService: vectors are those of Embedder::embed whatever shares their passes; who waits for whom.
#include "tidemill/embedding_service.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>

#include "api/small_embedder_for_test.h"

namespace tidemill {
namespace {

using Vectors = std::vector<std::vector<float>>;

constexpr double kLongWait = 1e5;  // ms

std::string text_of(size_t number) {
  std::string text = "the tide";
  for (size_t at = 0; at <= number % 13; ++at)
    text += " " + std::string(1, static_cast<char>('a' + (number + at) % 26));
  return text;
}

// A task and what became of it.
class Asked {
 public:
  Asked(EmbeddingService& service, const std::vector<std::string>& texts, double max_wait_ms = 0)
      : n_texts_(texts.size()) {
    EmbeddingTask task{.inputs = {}, .max_wait_ms = max_wait_ms};
    for (const std::string& text : texts) task.inputs.push_back(service.embedder().input(text));
    task.on_vector = [this](size_t index, std::vector<float>&& vector) {
      EXPECT_EQ(index, vectors_.size());
      vectors_.push_back(std::move(vector));
    };
    task.on_end = [this] { ended_.set_value(); };
    task.on_error = [this](const Error& error) { ADD_FAILURE() << error.what(), ended_.set_value(); };
    number_ = service.submit(std::move(task));
  }
  const Vectors& vectors() {
    end_.wait();
    EXPECT_EQ(vectors_.size(), n_texts_);
    return vectors_;
  }
  bool has_ended() const { return end_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }
  uint64_t number() const { return number_; }

 private:
  size_t n_texts_;
  Vectors vectors_;
  std::promise<void> ended_;
  std::future<void> end_ = ended_.get_future();
  uint64_t number_ = 0;
};

Vectors alone(const Embedder& embedder, const std::vector<std::string>& texts) {
  Vectors vectors;
  for (const std::string_view text : texts) vectors.push_back(embedder.embed({&text, 1}).front());
  return vectors;
}

TEST(EmbeddingServiceTest, VectorsAreThoseOfEmbed) {
  const Embedder embedder = small_embedder();
  EmbeddingService service(embedder);
  std::vector<std::thread> askers;
  for (size_t asker = 0; asker < 4; ++asker)
    askers.emplace_back([&, asker] {
      for (size_t n = 1; n <= 20; ++n) {
        std::vector<std::string> texts;
        for (size_t at = 0; at < n; ++at) texts.push_back(text_of(asker * 100 + n + at));
        Asked asked(service, texts);
        EXPECT_EQ(asked.vectors(), alone(embedder, texts));
      }
    });
  for (std::thread& asker : askers) asker.join();
  const EmbeddingServiceStatistics statistics = service.statistics();
  EXPECT_EQ(statistics.n_texts, 4 * 210);
  EXPECT_EQ(statistics.n_tasks, 0);
  EXPECT_EQ(statistics.n_waiting, 0);
  EXPECT_LT(statistics.n_passes, statistics.n_texts);
}

TEST(EmbeddingServiceTest, TextsWaitForOthersUntilThereAreEnough) {
  EmbeddingService service(small_embedder(), {.wanted_texts = 8});
  std::vector<std::unique_ptr<Asked>> asked;
  for (size_t number = 0; number < 8; ++number) {
    EXPECT_EQ(service.statistics().n_passes, 0);
    asked.push_back(std::make_unique<Asked>(service, std::vector{text_of(number)}, kLongWait));
  }
  for (const auto& one : asked) one->vectors();
  EXPECT_EQ(service.statistics().n_passes, 1);
}

TEST(EmbeddingServiceTest, TextsWaitNoLongerThanTheyMay) {
  EmbeddingService service(small_embedder());
  Asked waits(service, {text_of(1)}, kLongWait);
  EXPECT_EQ(Asked(service, {text_of(2)}, 5).vectors().size(), 1u);
  EXPECT_EQ(waits.vectors().size(), 1u);  // it shared the pass
  EXPECT_EQ(service.statistics().n_passes, 1);
}

TEST(EmbeddingServiceTest, APassHasSoManyTextsAndTokens) {
  const std::vector<std::string> texts(64, "a b c d e f g h");  // 10 tokens each
  EmbeddingService by_texts(small_embedder(), {.max_batch_texts = 16, .max_batch_tokens = 100000});
  Asked(by_texts, texts).vectors();
  EXPECT_EQ(by_texts.statistics().n_passes, 4);
  EmbeddingService by_tokens(small_embedder(), {.max_batch_texts = 100, .max_batch_tokens = 25});
  Asked(by_tokens, texts).vectors();
  EXPECT_EQ(by_tokens.statistics().n_passes, 32);
  EXPECT_EQ(by_tokens.statistics().n_tokens, 640);
}

TEST(EmbeddingServiceTest, ALongTaskKeepsNobodyWaiting) {
  EmbeddingService service(small_embedder());
  Asked long_one(service, std::vector<std::string>(20'000, "a b c d e f g h"));
  const int64_t n_before = service.statistics().n_passes;
  Asked(service, {"the mill"}).vectors();
  EXPECT_FALSE(long_one.has_ended());
  EXPECT_LT(service.statistics().n_passes - n_before, 600);  // of 1,250
  service.cancel(long_one.number());
  EXPECT_EQ(service.statistics().n_tasks, 0);
  Asked(service, {"the tide"}).vectors();  // after which no pass can have one of its texts
  EXPECT_FALSE(long_one.has_ended());
}

TEST(EmbeddingServiceTest, WhatCannotBeEmbeddedIsRefusedAtOnce) {
  EmbeddingService service(small_embedder(), {.max_tasks = 1});
  const auto code_of = [&](std::vector<EmbedInput> inputs) {
    try {
      service.submit({.inputs = std::move(inputs), .max_wait_ms = kLongWait});
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::io;
  };
  EXPECT_EQ(code_of({}), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of({{.ids = {kVocabularySize}}}), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of({{.ids = {1}, .dimensions = 49}}), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of({{.ids = std::vector<int32_t>(97, 5)}}), ErrorCode::context_full);
  EXPECT_THROW(EmbeddingService(small_embedder(), {.max_batch_texts = 0}), Error);
  const uint64_t number = service.submit({.inputs = {{.ids = {5}}}, .max_wait_ms = kLongWait});
  EXPECT_EQ(code_of({{.ids = {5}}}), ErrorCode::queue_full);
  service.cancel(number);
  service.submit({.inputs = {{.ids = {5}}}, .max_wait_ms = kLongWait});  // dropped by the destructor
}

}  // namespace
}  // namespace tidemill
