// Guessing ahead changes no token: texts of tiny random models with it and without it, alone and many together.
#include <gtest/gtest.h>

#include <array>
#include <future>

#include "api/same_vocabulary.h"
#include "tidemill/engine.h"
#include "tidemill/service.h"

namespace tidemill {
namespace {

const std::string kGolden = std::string(TIDEMILL_SOURCE_DIR) + "/tests/golden/";

// What a caller sees of a text.
struct Seen {
  Result result;
  std::vector<std::pair<int32_t, std::string>> events;
  std::vector<float> logprobs;
  int64_t n_held = 0;

  bool operator==(const Seen& other) const {
    return result.ids == other.result.ids && result.text == other.result.text &&
           result.finish_reason == other.result.finish_reason && events == other.events && logprobs == other.logprobs &&
           n_held == other.n_held;
  }
};

Seen generate(Session& session, Request request, int32_t speculate) {
  request.speculate = speculate;
  Seen seen;
  seen.result = session.generate(request, [&](const Event& event) {
    seen.events.emplace_back(event.id, std::string(event.text));
    for (const TokenLogprob& token : event.logprobs) seen.logprobs.push_back(token.logprob);
    return seen.events.size() < 90;
  });
  seen.n_held = session.size();
  return seen;
}

// Prompts that repeat, so that there is something to guess by; a few tokens are forced often, so that it comes true.
std::vector<Request> requests() {
  std::vector<Request> all;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    Request request{.max_tokens = 40 + static_cast<int64_t>(seed), .ignore_eos = seed % 2 == 0};
    for (size_t index = 0; index < 20 + 3 * seed; ++index)
      request.prompt_ids.push_back(static_cast<int32_t>(10 + index % (3 + seed)));
    request.sampling = {.temperature = seed % 3 == 0 ? 0.0f : 0.5f, .seed = seed};
    if (seed % 3 != 0)
      for (int32_t id = 10; id < 14; ++id) request.sampling.logit_bias[id] = 9;
    if (seed == 2) request.sampling.repeat_penalty = 1.2f;
    if (seed == 3) request.n_logprobs = 2;
    if (seed == 4) request.max_tokens = -1;
    all.push_back(request);
  }
  return all;
}

class SpeculationModelTest : public testing::TestWithParam<std::string> {};

TEST_P(SpeculationModelTest, TextsAreWhatTheyAreWithoutIt) {
  const Engine engine = Engine::load(kGolden + GetParam(), {.threads = 2, .context_length = 128});
  int64_t n_right = 0, n_wrong = 0;
  for (const Request& request : requests()) {
    Session plain(engine);
    const Seen expected = generate(plain, request, 0);
    EXPECT_EQ(expected.result.usage.draft_tokens, 0);
    for (const int32_t speculate : {1, 2, 5, 15, -1}) {
      Session session(engine);
      const Seen found = generate(session, request, speculate);
      EXPECT_EQ(found, expected) << speculate << " " << request.sampling.seed;
      n_right += found.result.usage.accepted_tokens;
      n_wrong += found.result.usage.draft_tokens - found.result.usage.accepted_tokens;
      // What is kept of the state is the text's, too: it goes on as the other does.
      Request more = request;
      more.prompt_ids.insert(more.prompt_ids.end(), found.result.ids.begin(), found.result.ids.end());
      more.prompt_ids.resize(60);
      more.max_tokens = 5;
      Session other(engine);
      EXPECT_EQ(generate(session, more, speculate).result.ids, generate(other, more, 0).result.ids);
    }
  }
  EXPECT_GT(n_right, 50) << "or the test says nothing";
  EXPECT_GT(n_wrong, 50);
}

TEST_P(SpeculationModelTest, ManyTogetherGetWhatEachGetsAlone) {
  const Engine engine = Engine::load(kGolden + GetParam(), {.threads = 2, .context_length = 128});
  Service service(engine, {.max_running = 4});
  const std::vector<Request> all = requests();
  std::vector<std::promise<Result>> found(5 * all.size());
  for (size_t index = 0; index < found.size(); ++index) {
    Request request = all[index % all.size()];
    request.speculate = std::array{15, -1, 3, 0, 1}[index / all.size()];
    service.submit(
        {.request = request, .on_end = [&, index](Result&& result) { found[index].set_value(std::move(result)); }});
  }
  for (size_t index = 0; index < found.size(); ++index) {
    Session session(engine);
    Request request = all[index % all.size()];
    request.speculate = 0;
    EXPECT_EQ(found[index].get_future().get().ids, session.generate(request).ids) << index;
  }
  EXPECT_GT(service.statistics().accepted_tokens, 50);
  EXPECT_GT(service.statistics().draft_tokens, service.statistics().accepted_tokens);
}

constexpr const char* kNames[] = {"gemma3", "llama", "longrope", "dynamic"};

INSTANTIATE_TEST_SUITE_P(Models, SpeculationModelTest,
                         testing::Values("gemma3/model.gguf", "models/llama-gqa-untied", "models/phi3-longrope",
                                         "models/llama-rope-dynamic"),
                         [](const auto& parameter) { return kNames[parameter.index]; });

TEST(SpeculationTest, RecurrentModelsGoTokenByToken) {
  const Engine engine = Engine::load(kGolden + "models/rwkv7", {.context_length = 128});
  const Request request = requests()[1];
  Session plain(engine), session(engine);
  const Seen found = generate(session, request, 15);
  EXPECT_EQ(found, generate(plain, request, 0));
  EXPECT_EQ(found.result.usage.draft_tokens, 0);
}

TEST(SpeculationTest, ADraftModelChangesNoTokenEither) {
  const std::string model = kGolden + "gemma3/model.gguf";
  const Engine plain_engine = Engine::load(model, {.context_length = 128});
  const Engine engine = Engine::load(model, {.context_length = 128, .draft = model});
  int64_t n_right = 0;
  Session session(engine);
  for (const Request& request : requests()) {
    Session plain(plain_engine);
    const Seen expected = generate(plain, request, 0);
    for (const int32_t speculate : {4, 15, -1}) {
      const Seen found = generate(session, request, speculate);
      EXPECT_EQ(found, expected) << speculate << " " << request.sampling.seed;
      n_right += found.result.usage.accepted_tokens;
      const bool is_its_choice = request.sampling.temperature == 0 && request.sampling.logit_bias.empty();
      if (speculate == 4 && is_its_choice) {
        EXPECT_EQ(found.result.usage.accepted_tokens, found.result.usage.draft_tokens) << "it is the same model";
      }
    }
  }
  EXPECT_GT(n_right, 100);
}

TEST(SpeculationTest, DraftModelsThatCannotGuessAreRefused) {
  const std::string model = kGolden + "gemma3/model.gguf";
  const auto refusal = [&](const std::string& draft) {
    try {
      Engine::load(model, {.draft = draft});
    } catch (const Error& error) {
      return std::string(to_string(error.code())) + " " + error.what();
    }
    return std::string();
  };
  EXPECT_NE(refusal(kGolden + "models/llama-gqa-untied").find("has no tokenizer"), std::string::npos);
  EXPECT_NE(refusal(kGolden + "no-such-model").find("not_found"), std::string::npos);
  const auto gemma = Tokenizer::from_file(model), bytes = Tokenizer::from_file("bytes");
  EXPECT_THROW(require_same_vocabulary(*gemma, *bytes, "bytes"), Error);
  EXPECT_NO_THROW(require_same_vocabulary(*gemma, *gemma, model));
}

TEST(SpeculationTest, AStopStringEndsTheTextAmongGuesses) {
  const Engine engine = Engine::load(kGolden + "gemma3/model.gguf", {.context_length = 128});
  Request request = requests()[0];
  Session first(engine);
  const std::string text = generate(first, request, 0).result.text;
  ASSERT_GT(text.size(), 12u);
  request.stop = {text.substr(6, 4)};
  Session plain(engine), session(engine);
  EXPECT_EQ(generate(session, request, 15), generate(plain, request, 0));
}

TEST(SpeculationTest, NumbersOutOfRangeAreRefused) {
  const Engine engine = Engine::load(kGolden + "gemma3/model.gguf", {.context_length = 64});
  Session session(engine);
  for (const int32_t speculate : {-2, 16}) {
    EXPECT_THROW(session.generate({.prompt_ids = {5}, .max_tokens = 1, .speculate = speculate}), Error);
    Service service(engine);
    EXPECT_THROW(service.submit({.request = {.prompt_ids = {5}, .speculate = speculate}}), Error);
  }
}

}  // namespace
}  // namespace tidemill
