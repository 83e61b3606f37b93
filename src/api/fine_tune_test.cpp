// Fine-tunes over the weights of one loaded model: each row of a batch has the bits that the restored fine-tune gives
// alone, whatever else is in the batch and however little memory there is.
#include "api/fine_tune.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <vector>

#include "api/engine_impl.h"
#include "api/golden_models_for_test.h"
#include "api/tuned_models_for_test.h"
#include "tidemill/prompt_cache.h"
#include "tidemill/service.h"

namespace tidemill {
namespace {

using Scores = std::vector<std::vector<float>>;

const std::string kGolden = std::string(TIDEMILL_SOURCE_DIR) + "/tests/golden/";
const std::string kGemma = kGolden + "gemma3/model.gguf";
constexpr size_t kLength = 33;

std::vector<int32_t> ids(size_t seed, size_t n = kLength) {
  std::vector<int32_t> result;
  for (size_t i = 0; i < n; ++i) result.push_back(static_cast<int32_t>((seed + i * 67) % 97));
  return result;
}

Scores scores_of(const Engine& engine, std::span<const int32_t> text) {
  Session session(engine);
  Scores scores;
  session.score(text, [&](int64_t, std::span<const float> row) { scores.emplace_back(row.begin(), row.end()); });
  return scores;
}

std::vector<int32_t> greedy(const Engine& engine, size_t seed) {
  Session session(engine);
  return session
      .generate({.prompt_ids = ids(seed, 7), .max_tokens = 9, .sampling = {.temperature = 0}, .ignore_eos = true})
      .ids;
}

// The models of one instruction set: what is tested here is above the kernels.
std::vector<GoldenModel> models_of_best_isa() {
  std::vector<GoldenModel> models = golden_models("causal");
  std::erase_if(models, [](const GoldenModel& model) { return model.isa != active_isa(); });
  return models;
}

class FineTunesTest : public testing::TestWithParam<GoldenModel> {
 protected:
  static EngineOptions options(int64_t max_delta_bytes = -1) {
    return {.threads = 2, .context_length = 64, .max_delta_bytes = max_delta_bytes};
  }

  // Pieces of texts of the base and both fine-tunes, several of each, share passes, and each text has the scores that
  // it has alone with the restored model.
  void expect_the_same_in_one_batch(int64_t max_delta_bytes) {
    const Engine base = Engine::load(base_path, options(max_delta_bytes));
    const std::vector<Engine> engines{base, base.with_deltas({first.delta}), base.with_deltas({second.delta})};
    const std::vector<Engine> alone{base, Engine::load(first.tuned, options()), Engine::load(second.tuned, options())};
    constexpr size_t kTexts = 6;
    Engine::Impl& impl = *base.impl();
    std::vector<StatePool::Lease> states;
    std::vector<std::vector<int32_t>> texts;
    std::vector<size_t> n_fed(kTexts, 0);
    std::vector<Scores> found(kTexts);
    for (size_t i = 0; i < kTexts; ++i) {
      states.push_back(impl.states->acquire());
      texts.push_back(ids(i * 11));
    }
    for (size_t step = 0; n_fed != std::vector<size_t>(kTexts, kLength); ++step) {
      std::vector<Feed> feeds;
      std::vector<size_t> whose;
      for (size_t i = 0; i < kTexts; ++i) {
        const size_t n = std::min(kLength - n_fed[i], (step + i) % 3 == 0 ? size_t{1} : (3 * step + 5 * i) % 13);
        if (n == 0) continue;
        feeds.push_back({.state = states[i].get(),
                         .ids = std::span(texts[i]).subspan(n_fed[i], n),
                         .wanted = LogitsWanted::all,
                         .versions = engines[i % 3].fine_tune().get()});
        whose.push_back(i);
        n_fed[i] += n;
      }
      if (feeds.empty()) continue;
      impl.runner->feed(feeds, [&](size_t feed, int64_t, std::span<const float> row) {
        found[whose[feed]].emplace_back(row.begin(), row.end());
      });
    }
    for (size_t i = 0; i < kTexts; ++i) EXPECT_EQ(found[i], scores_of(alone[i % 3], texts[i])) << "text " << i;
    EXPECT_NE(scores_of(alone[0], texts[0]), scores_of(alone[1], texts[0]));
    EXPECT_NE(scores_of(alone[1], texts[0]), scores_of(alone[2], texts[0]));
    EXPECT_LE(base.delta_memory().n_bytes, base.delta_memory().max_bytes);
  }

  const TestFolder folder;
  const std::string base_path = bare_model(folder, GetParam().folder);
  const TunedModel first = tuned_model(folder, base_path, "first", 1, 0);
  const TunedModel second = tuned_model(folder, base_path, "second", 3, 1);
};

TEST_P(FineTunesTest, RowsOfOneBatchHaveTheBitsOfEachModelAlone) {
  expect_the_same_in_one_batch(-1);
}

TEST_P(FineTunesTest, LittleMemoryChangesNoBit) {
  expect_the_same_in_one_batch(3000);
}

TEST_P(FineTunesTest, GreedyTextsAreThoseOfTheRestoredModel) {
  const Engine base = Engine::load(base_path, options());
  const Engine tuned = base.with_deltas({first.delta});
  const std::vector<int32_t> before = greedy(base, 5);
  EXPECT_EQ(greedy(tuned, 5), greedy(Engine::load(first.tuned, options()), 5));
  EXPECT_EQ(greedy(base, 5), before);
}

TEST_P(FineTunesTest, ReplacedWeightsAreThoseOfTheRestoredModel) {
  Engine engine = Engine::load(base_path, options());
  const Scores before = scores_of(engine, ids(3));
  engine.apply_deltas({first.delta});
  EXPECT_EQ(scores_of(engine, ids(3)), scores_of(Engine::load(first.tuned, options()), ids(3)));
  engine.apply_deltas({second.delta});  // against the files, not against what is there
  EXPECT_EQ(scores_of(engine, ids(3)), scores_of(Engine::load(second.tuned, options()), ids(3)));
  EXPECT_NE(scores_of(engine, ids(3)), before);
}

TEST_P(FineTunesTest, UpdatedTensorsAreThoseOfTheirFile) {
  Engine engine = Engine::load(base_path, options());
  const SafetensorsFile tuned(second.tuned + "/model.safetensors");
  std::vector<WeightUpdate> updates;
  for (const WeightRecipe& recipe : engine.impl()->model->recipes())
    for (const FileTensor& tensor : recipe.tensors)
      if (std::ranges::find(updates, tensor.name, &WeightUpdate::name) == updates.end())
        updates.push_back({.name = tensor.name, .tensor = *tuned.find(tensor.name)});
  engine.update(updates);
  EXPECT_EQ(scores_of(engine, ids(3)), scores_of(Engine::load(second.tuned, options()), ids(3)));
}

// The codes of a delta whose hashes have been compared, as a disk that fails may leave them.
void damage_codes(const std::string& path) {
  const auto n_bytes = static_cast<size_t>(SafetensorsFile(path).find("codes")->size_bytes());
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  uint64_t n_header = 0;
  file.read(reinterpret_cast<char*>(&n_header), sizeof n_header);
  file.seekp(static_cast<std::streamoff>(sizeof n_header + n_header));
  file << std::string(n_bytes, '\xFF');
}

TEST_P(FineTunesTest, OneThatFailsEndsItsOwnTextsOnly) {
  const Engine base = Engine::load(base_path, options(0));  // all is decoded again for every step
  const std::vector<Engine> engines{base, base.with_deltas({first.delta}), base.with_deltas({second.delta})};
  const std::vector<Engine> alone{base, Engine::load(first.tuned, options()), Engine::load(second.tuned, options())};
  Service service(base, {.max_running = 7});
  std::vector<std::promise<std::vector<int32_t>>> texts(12);
  for (size_t index = 0; index < texts.size(); ++index) {
    Submission submission;
    submission.engine = engines[index % 3];
    submission.request = {
        .prompt_ids = ids(5 + index, 7), .max_tokens = 9, .sampling = {.temperature = 0}, .ignore_eos = true};
    submission.on_event = [&, index, n_told = 0](const Event&) mutable {
      if (index == 2 && ++n_told == 4) damage_codes(first.delta);
      return true;
    };
    submission.on_end = [&, index](Result&& result) { texts[index].set_value(result.ids); };
    submission.on_error = [&, index](const Error& error) {
      texts[index].set_exception(std::make_exception_ptr(error));
    };
    service.submit(std::move(submission));
  }
  for (size_t index = 0; index < texts.size(); ++index) {
    auto text = texts[index].get_future();
    if (index % 3 == 1) {
      EXPECT_THROW(text.get(), Error) << index;
    } else {
      EXPECT_EQ(text.get(), greedy(alone[index % 3], 5 + index)) << index;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, FineTunesTest, testing::ValuesIn(models_of_best_isa()), name_of_golden_model);

// A GGUF with a tied embedding and a tokenizer.
class GgufFineTunesTest : public testing::Test {
 protected:
  static EngineOptions options() { return {.threads = 2, .context_length = 128}; }

  const TestFolder folder;
  const TunedModel first = tuned_model(folder, kGemma, "first", 2, 0);
  const TunedModel second = tuned_model(folder, kGemma, "second", 4, 1);
  Engine base = Engine::load(kGemma, options());
};

TEST_F(GgufFineTunesTest, AServiceMixesThemAndEachGetsItsOwnText) {
  const std::vector<Engine> engines{base, base.with_deltas({first.delta}), base.with_deltas({second.delta})};
  const std::vector<Engine> alone{base, Engine::load(first.tuned, options()), Engine::load(second.tuned, options())};
  Service service(base, {.max_running = 7});
  std::vector<std::promise<std::vector<int32_t>>> texts(24);
  for (size_t index = 0; index < texts.size(); ++index) {
    Submission submission;
    submission.engine = engines[index % 3];
    submission.client = "same";
    submission.request = {.prompt_ids = ids(5, 7), .max_tokens = 9, .sampling = {.temperature = 0}, .ignore_eos = true};
    submission.on_end = [&, index](Result&& result) { texts[index].set_value(result.ids); };
    submission.on_error = [&, index](const Error& error) {
      texts[index].set_exception(std::make_exception_ptr(error));
    };
    service.submit(std::move(submission));
  }
  for (size_t index = 0; index < texts.size(); ++index)
    EXPECT_EQ(texts[index].get_future().get(), greedy(alone[index % 3], 5)) << index;
  EXPECT_NE(greedy(alone[0], 5), greedy(alone[1], 5));
  EXPECT_THROW(service.submit({.request = {.prompt_ids = ids(5, 7)}, .engine = alone[1]}), Error);
}

TEST_F(GgufFineTunesTest, OneOfAFineTuneComesBackFromItsState) {
  const Engine tuned = base.with_deltas({first.delta});
  const std::string path = folder.path("state");
  Session session(tuned);
  session.append(ids(3, 20));
  session.save(path);
  Session fork = session.fork(), restored(tuned), other(base);
  EXPECT_THROW(other.restore(path), Error);
  restored.restore(path);
  const auto next = [](Session& one) {
    const auto found = one.append(std::vector<int32_t>{5});
    return std::vector<float>(found.begin(), found.end());
  };
  const std::vector<float> expected = next(session);
  EXPECT_EQ(next(restored), expected);
  EXPECT_EQ(next(fork), expected);
  PromptCache cache(base, {.path = folder.path("cache") + "/"}),
      tuned_cache(tuned, {.path = folder.path("cache") + "/"});
  tuned_cache.store(session, ids(3, 20));
  Session fresh(base), fresh_tuned(tuned);
  EXPECT_EQ(cache.load(fresh, ids(3, 20)), 0);
  EXPECT_EQ(tuned_cache.load(fresh_tuned, ids(3, 20)), 19);
}

TEST_F(GgufFineTunesTest, AreForgottenWithTheirLastUser) {
  {
    const Engine tuned = base.with_deltas({first.delta});
    scores_of(tuned, ids(3));
    EXPECT_GT(base.delta_memory().n_bytes, 0);
    const DeltaMemory once = base.delta_memory();
    scores_of(tuned, ids(3));
    EXPECT_EQ(base.delta_memory().n_misses, once.n_misses);
    EXPECT_GT(base.delta_memory().n_hits, once.n_hits);
  }
  EXPECT_EQ(base.delta_memory().n_bytes, 0);
  Engine outlives = Engine::load(kGemma, options()).with_deltas({first.delta});
  EXPECT_EQ(scores_of(outlives, ids(3)), scores_of(Engine::load(first.tuned, options()), ids(3)));
  outlives = base;
}

TEST_F(GgufFineTunesTest, AChainLeadsWhereItsLastDeltaLeads) {
  const TunedModel last = tuned_model(folder, first.tuned, "last", 3, 0);
  const Scores expected = scores_of(Engine::load(last.tuned, options()), ids(3));
  EXPECT_EQ(scores_of(base.with_deltas({first.delta, last.delta}), ids(3)), expected);
  EXPECT_EQ(scores_of(base.with_deltas({first.delta}).with_deltas({last.delta}), ids(3)), expected);
}

std::string why_not(const Engine& engine, const std::string& delta) try {
  engine.with_deltas({delta});
  return "";
} catch (const Error& error) {
  return std::string(to_string(error.code())) + ": " + error.what();
}

TEST_F(GgufFineTunesTest, WhatCannotShareIsToldWhy) {
  EXPECT_NE(why_not(Engine::load(first.tuned, options()), second.delta).find("bad_file"), std::string::npos);
  EXPECT_NE(why_not(base, folder.path("none.tmdelta")).find("not_found"), std::string::npos);
  std::string content = folder.read("first.gguf");
  const std::string key = "gemma3.attention.layer_norm_rms_epsilon";
  const size_t at = content.find(key);
  ASSERT_NE(at, std::string::npos);
  content[at + key.size() + sizeof(uint32_t)] ^= 1;  // of the value, behind its type
  make_delta(kGemma, folder.write("config.gguf", content), folder.path("config.tmdelta"), {.threads = 1});
  EXPECT_NE(why_not(base, folder.path("config.tmdelta")).find("unsupported"), std::string::npos);
  EXPECT_NE(why_not(base, folder.path("config.tmdelta")).find("layer_norm_rms_epsilon"), std::string::npos);
  Engine updated = Engine::load(kGemma, options());
  updated.apply_deltas({first.delta});
  EXPECT_NE(why_not(updated, second.delta).find("unsupported"), std::string::npos);
  EXPECT_NE(why_not(Engine::load(kGemma, {.threads = 1, .deltas = {first.delta}}), second.delta).find("unsupported"),
            std::string::npos);
}

TEST_F(GgufFineTunesTest, ADamagedDeltaIsRefused) {
  std::string content = folder.read("first.tmdelta");
  for (const size_t at : {content.size() - 3, content.size() / 2, content.size() / 3}) {
    std::string damaged = content;
    damaged[at] ^= 0x10;
    EXPECT_NE(why_not(base, folder.write("damaged.tmdelta", damaged)), "") << at;
  }
}

TEST_F(GgufFineTunesTest, AnUpdateIsCheckedBeforeAnythingIsReplaced) {
  const GgufFile tuned(first.tuned);
  const Scores before = scores_of(base, ids(3));
  const WeightUpdate norm{.name = "output_norm.weight", .tensor = *tuned.find("output_norm.weight")};
  std::vector<float> numbers(static_cast<size_t>(norm.tensor.n_elements()) + 1, 2.0f);
  const auto expect_refused = [&](const WeightUpdate& wrong, const std::string& part) {
    try {
      base.update(std::vector{norm, wrong});
      ADD_FAILURE() << part;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
    EXPECT_EQ(scores_of(base, ids(3)), before);
  };
  expect_refused({.name = "nobody.weight", .tensor = norm.tensor}, "nobody.weight");
  expect_refused(norm, "twice");
  const Tensor longer(numbers.data(), DType::f32, {std::ssize(numbers)});
  expect_refused({.name = "blk.0.attn_norm.weight", .tensor = longer}, "blk.0.attn_norm.weight");
  expect_refused({.name = "blk.0.attn_norm.weight", .tensor = {}}, "blk.0.attn_norm.weight");
  {
    const Engine user = base.with_deltas({second.delta});
    EXPECT_THROW(base.update(std::vector{norm}), Error);
  }
  base.update(std::vector{norm});
  EXPECT_THROW(base.with_deltas({}), Error);
  EXPECT_THROW(base.apply_deltas({}), Error);
}

// Texts that are written meanwhile, sessions and kept beginnings go on as if the weights had always been these.
TEST_F(GgufFineTunesTest, NothingOfTheOldWeightsOutlivesAnUpdate) {
  const std::vector<int32_t> text = ids(3, 24);
  Session session(base), stepped(base);
  session.append(std::span(text).first(23));
  stepped.append(std::span(text).first(20));
  Service service(base);
  const auto ask = [&] {
    std::promise<std::vector<int32_t>> promise;
    Submission submission;
    submission.request = {
        .prompt_ids = ids(8, 30), .max_tokens = 9, .sampling = {.temperature = 0}, .ignore_eos = true};
    submission.on_end = [&](Result&& result) { promise.set_value(result.ids); };
    service.submit(std::move(submission));
    return promise.get_future().get();
  };
  const std::vector<int32_t> before = ask();
  base.apply_deltas({first.delta});
  const Engine alone = Engine::load(first.tuned, options());
  const auto found = session.append(std::span(text).last(1));
  EXPECT_EQ(std::vector<float>(found.begin(), found.end()), scores_of(alone, text).back());
  Session* const sessions[] = {&stepped};
  const int32_t next[] = {text[20]};
  Session::append_each(sessions, next, [&](int64_t, std::span<const float> row) {
    EXPECT_EQ(std::vector<float>(row.begin(), row.end()), scores_of(alone, text)[20]);
  });
  Session expected(alone);
  const std::vector<int32_t> after =
      expected.generate({.prompt_ids = ids(8, 30), .max_tokens = 9, .sampling = {.temperature = 0}, .ignore_eos = true})
          .ids;
  EXPECT_EQ(ask(), after);
  EXPECT_NE(before, after);
}

TEST(FineTunes, EncodersHaveNone) {
  const TestFolder folder;
  const std::string base = bare_model(folder, kGolden + "models/bert");
  const TunedModel tuned = tuned_model(folder, base, "tuned", 2, 0);
  EXPECT_NE(why_not(Engine::load(base, {.threads = 1}), tuned.delta).find("unsupported"), std::string::npos);
}

}  // namespace
}  // namespace tidemill
