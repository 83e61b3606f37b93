// Prompts on disk: what is found again, what is refused, and what has to go.
#include "tidemill/prompt_cache.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "sys/test_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;

const std::string kModels = std::string(TIDEMILL_SOURCE_DIR) + "/tests/golden/models/";

std::vector<int32_t> some_ids(size_t n, int32_t first = 3) {
  std::vector<int32_t> ids;
  for (size_t index = 0; index < n; ++index) ids.push_back(first + static_cast<int32_t>(index * 7 % 50));
  return ids;
}

class PromptCacheTest : public testing::Test {
 protected:
  // The text that follows `prompt` and how much of the prompt came from the cache.
  Result generate(const Engine& engine, const std::string& path, const std::vector<int32_t>& prompt,
                  int64_t max_bytes = 1 << 30) {
    Session session(engine);
    PromptCache cache(engine, {.path = path, .max_bytes = max_bytes, .on_note = [this](const std::string& note) {
                                 notes_.push_back(note);
                               }});
    const int64_t n_loaded = cache.load(session, prompt);
    const Result result =
        session.generate({.prompt_ids = prompt, .max_tokens = 6, .sampling = {.temperature = 0}, .ignore_eos = true});
    EXPECT_EQ(result.usage.cached_tokens, n_loaded);
    cache.store(session, prompt);
    return result;
  }
  Result expected(const Engine& engine, const std::vector<int32_t>& prompt) {
    Session session(engine);
    return session.generate(
        {.prompt_ids = prompt, .max_tokens = 6, .sampling = {.temperature = 0}, .ignore_eos = true});
  }
  size_t n_files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_.path("states")), {}));
  }

  TestFolder folder_;
  std::string file_ = folder_.path("prompt");
  std::string states_ = folder_.path("states") + "/";
  Engine engine_ = Engine::load(kModels + "llama-gqa-untied", {.threads = 1});
  std::vector<std::string> notes_;
};

TEST_F(PromptCacheTest, APromptIsNotReadTwice) {
  for (const std::string& path : {file_, states_}) {
    const auto prompt = some_ids(20);
    EXPECT_EQ(generate(engine_, path, prompt).usage.cached_tokens, 0);
    const Result again = generate(engine_, path, prompt);
    EXPECT_EQ(again.usage.cached_tokens, 19);
    EXPECT_EQ(again.ids, expected(engine_, prompt).ids);
  }
  EXPECT_TRUE(notes_.empty());
}

TEST_F(PromptCacheTest, OnlyTheCommonBeginningServes) {
  generate(engine_, file_, some_ids(20));
  auto other = some_ids(30);
  other[12] = 1;
  const Result result = generate(engine_, file_, other);
  EXPECT_EQ(result.usage.cached_tokens, 12);
  EXPECT_EQ(result.ids, expected(engine_, other).ids);
  EXPECT_EQ(generate(engine_, file_, other).usage.cached_tokens, 29) << "the file holds the later prompt";
}

TEST_F(PromptCacheTest, AFolderGivesTheBestOfMany) {
  for (const size_t n : {5, 15, 10}) generate(engine_, states_, some_ids(n));
  generate(engine_, states_, some_ids(20, 9));
  EXPECT_EQ(n_files(), 3u) << "what a longer one holds is not kept again";
  EXPECT_EQ(generate(engine_, states_, some_ids(18)).usage.cached_tokens, 14);
}

TEST_F(PromptCacheTest, ARecurrentStateServesWhatGoesOnFromIt) {
  const Engine recurrent = Engine::load(kModels + "rwkv7", {.threads = 1});
  generate(recurrent, states_, some_ids(12));
  const Result longer = generate(recurrent, states_, some_ids(20));
  EXPECT_EQ(longer.usage.cached_tokens, 11);
  EXPECT_EQ(longer.ids, expected(recurrent, some_ids(20)).ids);
  auto other = some_ids(20);
  other[5] = 1;
  EXPECT_EQ(generate(recurrent, states_, other).usage.cached_tokens, 0);
}

TEST_F(PromptCacheTest, AFolderKeepsWithinItsLimit) {
  generate(engine_, states_, some_ids(20));
  const auto one = fs::file_size(fs::directory_iterator(states_)->path());
  const auto limit = static_cast<int64_t>(one * 5 / 2);
  std::ofstream(states_ + "somebody-elses-file") << std::string(10000, 'x');
  for (int32_t first = 4; first < 8; ++first) {
    for (const auto& file : fs::directory_iterator(states_))  // as if some time had gone by
      fs::last_write_time(file.path(), fs::last_write_time(file.path()) - std::chrono::seconds(10));
    generate(engine_, states_, some_ids(20, first), limit);
  }
  EXPECT_EQ(n_files(), 3u) << "two states and what is not the cache's";
  EXPECT_EQ(generate(engine_, states_, some_ids(20, 7), limit).usage.cached_tokens, 19);
  EXPECT_EQ(generate(engine_, states_, some_ids(20, 6), limit).usage.cached_tokens, 19);
  EXPECT_EQ(generate(engine_, states_, some_ids(20, 5), limit).usage.cached_tokens, 0);
  EXPECT_TRUE(notes_.empty());
  generate(engine_, states_, some_ids(20, 30), 100);
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_NE(notes_[0].find("limit"), std::string::npos);
}

TEST_F(PromptCacheTest, StatesOfOtherModelsAndPrecisionsAreNoted) {
  generate(engine_, file_, some_ids(20));
  const Engine other = Engine::load(kModels + "mistral-window", {.threads = 1});
  EXPECT_EQ(generate(other, file_, some_ids(20)).usage.cached_tokens, 0);
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_NE(notes_[0].find("another model"), std::string::npos);
  EXPECT_EQ(generate(other, file_, some_ids(20)).usage.cached_tokens, 19) << "a stale state is replaced";
  const Engine f16 = Engine::load(kModels + "mistral-window", {.threads = 1, .state = "f16"});
  EXPECT_EQ(generate(f16, file_, some_ids(20)).usage.cached_tokens, 0);
  EXPECT_EQ(notes_.size(), 2u);
  const Engine bytes =
      Engine::load(kModels + "mistral-window", {.threads = 1, .precision = Precision::int8, .state = "f16"});
  EXPECT_EQ(generate(bytes, file_, some_ids(20)).usage.cached_tokens, 0);
  ASSERT_EQ(notes_.size(), 3u);
  EXPECT_NE(notes_[2].find("another precision"), std::string::npos);
}

TEST_F(PromptCacheTest, HostileFilesAreNotedAndLeftAlone) {
  generate(engine_, file_, some_ids(20));
  std::ifstream saved(file_, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(saved), {}};
  for (const std::string& bytes : {std::string("my diary"), whole.substr(0, whole.size() / 2), whole.substr(0, 9),
                                   std::string(8, '\xff') + "{}"}) {
    std::ofstream(file_, std::ios::binary | std::ios::trunc) << bytes;
    notes_.clear();
    const Result result = generate(engine_, file_, some_ids(20));
    EXPECT_EQ(result.usage.cached_tokens, 0);
    EXPECT_EQ(result.ids, expected(engine_, some_ids(20)).ids);
    EXPECT_EQ(notes_.size(), 2u) << "once when it is read, once when it would be written";
    EXPECT_EQ(fs::file_size(file_), bytes.size());
  }
  std::ofstream(file_, std::ios::trunc).flush();
  notes_.clear();
  generate(engine_, file_, some_ids(20));
  EXPECT_TRUE(notes_.empty()) << "an empty file is nobody's";
  EXPECT_EQ(generate(engine_, file_, some_ids(20)).usage.cached_tokens, 19);
}

TEST_F(PromptCacheTest, WhatCannotBeWrittenDoesNoHarm) {
  const Result result = generate(engine_, folder_.path("no/such/folder/file"), some_ids(20));
  EXPECT_EQ(result.ids, expected(engine_, some_ids(20)).ids);
  EXPECT_EQ(notes_.size(), 1u);
}

TEST_F(PromptCacheTest, WrongOptionsAreRefused) {
  EXPECT_THROW(PromptCache(engine_, {.path = ""}), Error);
  EXPECT_THROW(PromptCache(engine_, {.path = file_, .max_bytes = 0}), Error);
  EXPECT_THROW(PromptCache(Engine::load(kModels + "bert"), {.path = file_}), Error);
}

}  // namespace
}  // namespace tidemill
