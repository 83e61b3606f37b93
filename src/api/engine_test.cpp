// Engine and Session on a tiny random Gemma 3 (tests/golden/gemma3): what a caller sees, and that a sequence's scores
// depend on nothing but its own tokens.

#define TIDEMILL_COUNT_ALLOCATIONS
#include "tidemill/engine.h"

#include <gtest/gtest.h>

#include <array>

#include "sys/allocation_counter.h"
#include "tensor/storage.h"
#include "tidemill/error.h"
#include "tidemill/probability.h"

namespace tidemill {
namespace {

const std::string kModel = std::string(TIDEMILL_SOURCE_DIR) + "/tests/golden/gemma3/model.gguf";

using Scores = std::vector<std::vector<float>>;

std::vector<int32_t> some_ids(size_t n) {
  std::vector<int32_t> ids = {2};
  while (ids.size() < n) ids.push_back(static_cast<int32_t>(4 + ids.size() * 37 % 280));
  return ids;
}

// Scores after every id when they are fed in pieces of `piece`.
Scores score_in_pieces(const Engine& engine, std::span<const int32_t> ids, size_t piece) {
  Session session(engine);
  Scores scores;
  for (size_t begin = 0; begin < ids.size(); begin += piece)
    session.score(ids.subspan(begin, std::min(piece, ids.size() - begin)),
                  [&](int64_t, std::span<const float> logits) { scores.emplace_back(logits.begin(), logits.end()); });
  return scores;
}

TEST(Engine, TheHeadIsPlainOrSearched) {
  EXPECT_THROW(Engine::load(kModel, {.head = "half"}), Error);
  const Request request{.prompt_ids = some_ids(9), .max_tokens = 12, .sampling = {.temperature = 0}};
  Session plain(Engine::load(kModel, {.threads = 2, .head = "plain"})), searched(Engine::load(kModel, {.threads = 2}));
  EXPECT_EQ(plain.generate(request).ids, searched.generate(request).ids);
}

TEST(Engine, ScoresDoNotDependOnHowTheTokensAreFed) {
  for (const Precision precision : {Precision::fast, Precision::f32}) {
    const Engine engine = Engine::load(kModel, {.threads = 2, .precision = precision});
    const auto ids = some_ids(60);
    const Scores whole = score_in_pieces(engine, ids, 60);
    ASSERT_EQ(whole.size(), 60u);
    for (size_t piece : {1, 7, 16}) EXPECT_EQ(score_in_pieces(engine, ids, piece), whole) << piece;
  }
}

// Layers with a window give pages back, which another text takes and writes to meanwhile.
TEST(Engine, LongTextsOfModelsWithWindowsAreReadAsShortOnesAre) {
  constexpr size_t kLength = 900;
  std::vector<int32_t> ids(kLength), others(kLength);
  for (size_t i = 0; i < kLength; ++i) {
    ids[i] = static_cast<int32_t>(4 + i * 37 % 250);
    others[i] = static_cast<int32_t>(4 + i * 53 % 250);
  }
  const std::string models = std::string(TIDEMILL_SOURCE_DIR) + "/tests/golden/models/";
  for (const char* const name : {"gemma3-qknorm-window", "mistral-window", "gptoss-sinks-moe"}) {
    const Engine engine = Engine::load(models + name, {.threads = 2, .context_length = 1000});
    const Scores whole = score_in_pieces(engine, ids, kLength);
    Session text(engine), other(engine);
    for (size_t i = 0; i < kLength; ++i) {
      other.append(std::span(others).subspan(i, 1));
      const std::span<const float> scores = text.append(std::span(ids).subspan(i, 1));
      ASSERT_EQ(Scores::value_type(scores.begin(), scores.end()), whole[i]) << name << " " << i;
    }

    const std::string path = testing::TempDir() + "window.state";
    text.save(path);
    Session restored(engine);
    restored.restore(path);
    for (const int64_t n : {int64_t{890}, int64_t{880}, int64_t{300}}) {  // the last one lies behind what is kept
      restored.truncate(n);
      ASSERT_EQ(restored.size(), n);
      const auto last = static_cast<size_t>(n);
      const std::span<const float> scores = restored.append(std::span(ids).subspan(last, 1));
      EXPECT_EQ(Scores::value_type(scores.begin(), scores.end()), whole[last]) << name << " " << n;
    }
  }
}

TEST(Engine, ScoresDoNotDependOnTheNumberOfThreads) {
  const auto ids = some_ids(50);
  const Scores one = score_in_pieces(Engine::load(kModel, {.threads = 1}), ids, 50);
  for (int threads : {2, 3, 5}) EXPECT_EQ(score_in_pieces(Engine::load(kModel, {.threads = threads}), ids, 50), one);
}

TEST(Engine, ScoresDoNotDependOnOtherSequencesInTheBatch) {
  const Engine engine = Engine::load(kModel, {.threads = 2});
  const auto ids = some_ids(30);
  const Scores alone = score_in_pieces(engine, ids, 1);
  // Sixteen sessions at different positions step together; the first must see what it sees alone.
  std::vector<std::unique_ptr<Session>> sessions;
  std::vector<Session*> views;
  for (size_t index = 0; index < 16; ++index) {
    views.push_back(sessions.emplace_back(std::make_unique<Session>(engine)).get());
    if (index > 0) views.back()->append(some_ids(1 + index));
  }
  for (size_t step = 0; step < ids.size(); ++step) {
    std::vector<int32_t> next(views.size(), static_cast<int32_t>(4 + step));
    next[0] = ids[step];
    Session::append_each(views, next, [&](int64_t session, std::span<const float> logits) {
      if (session == 0) {
        EXPECT_EQ(std::vector<float>(logits.begin(), logits.end()), alone[step]) << step;
      }
    });
  }
}

// Only handing out text allocates, and that a few bytes.
TEST(Engine, ComputingATokenAllocatesNothing) {
  if (!kCountsAllocations) GTEST_SKIP() << "allocations are the sanitizer's";
  const Engine engine = Engine::load(kModel, {.threads = 2});
  Session session(engine);
  session.append(some_ids(20));
  session.append(std::array{4});  // the first step of one token gets its scratch memory
  const int64_t heap = allocation_count(), system = Storage::total_bytes();
  for (int32_t id = 10; id < 110; ++id) session.append(std::array{id});
  EXPECT_EQ(allocation_count(), heap);
  EXPECT_EQ(Storage::total_bytes(), system);
}

// Ids alone: a text is handed out in strings of its own.
TEST(Session, AnIdAllocatesNothing) {
  if (!kCountsAllocations) GTEST_SKIP() << "allocations are the sanitizer's";
  const std::string model = std::string(TIDEMILL_SOURCE_DIR) + "/tests/golden/models/llama-gqa-untied";
  const Engine engine = Engine::load(model, {.threads = 2, .context_length = 200});
  for (const float temperature : {0.0f, 0.8f}) {
    for (const int32_t speculate : {0, 5}) {  // -1 takes more guesses when it pays, and memory for them then
      Session session(engine);
      std::vector<int64_t> counts, systems;
      counts.reserve(200);
      systems.reserve(200);
      session.generate({.prompt_ids = {5, 9, 6, 5, 9, 7, 5, 9},
                        .max_tokens = 120,
                        .sampling = {.temperature = temperature, .top_k = 4, .seed = 3},
                        .ignore_eos = true,
                        .speculate = speculate},
                       [&](const Event&) {
                         counts.push_back(allocation_count());
                         systems.push_back(Storage::total_bytes());
                         return true;
                       });
      ASSERT_EQ(counts.size(), 120u);
      // What a token needs is there after some of them; a page of state is for 128 positions, guesses included.
      EXPECT_EQ(counts[100], counts[60]) << temperature << " " << speculate;
      EXPECT_EQ(systems[100], systems[60]);
    }
  }
}

TEST(Engine, TheCpuBackendAgreesWithTheReference) {
  const auto ids = some_ids(40);
  const Scores reference = score_in_pieces(Engine::load(kModel, {.backend = "reference"}), ids, 40);
  const Scores cpu = score_in_pieces(Engine::load(kModel, {.precision = Precision::f32}), ids, 40);
  for (size_t row = 0; row < ids.size(); ++row)
    for (size_t id = 0; id < cpu[row].size(); ++id) ASSERT_NEAR(cpu[row][id], reference[row][id], 2e-4);
}

TEST(Session, GreedyGenerationIsTheArgMaxOfItsScores) {
  const Engine engine = Engine::load(kModel);
  Session session(engine);
  auto ids = some_ids(12);
  const Result result =
      session.generate({.prompt_ids = ids, .max_tokens = 8, .sampling = {.temperature = 0}, .ignore_eos = true});
  ASSERT_EQ(result.ids.size(), 8u);
  EXPECT_EQ(result.finish_reason, FinishReason::length);
  EXPECT_EQ(result.usage.prompt_tokens, 12);
  for (int32_t id : result.ids) {
    Session fresh(engine);
    EXPECT_EQ(arg_max(fresh.append(ids)), id);
    ids.push_back(id);
  }
}

TEST(Session, KeepsWhatTwoPromptsShare) {
  const Engine engine = Engine::load(kModel);
  const auto request = [](std::vector<int32_t> ids) {
    return Request{.prompt_ids = std::move(ids), .max_tokens = 5, .sampling = {.temperature = 0}, .ignore_eos = true};
  };
  auto longer = some_ids(20);
  Session session(engine);
  session.generate(request(some_ids(15)));
  longer[14] = 5;
  const Result reused = session.generate(request(longer));
  EXPECT_EQ(reused.usage.cached_tokens, 14);
  Session fresh(engine);
  EXPECT_EQ(fresh.generate(request(longer)).ids, reused.ids);
  EXPECT_EQ(session.generate(request(longer)).usage.cached_tokens, 19) << "the last token is computed anew";
}

TEST(Session, TheSameSeedGivesTheSameText) {
  const auto generate = [](int threads, uint64_t seed) {
    const Engine engine = Engine::load(kModel, {.threads = threads});
    Session session(engine);
    return session.generate({.prompt = "the hat", .max_tokens = 30, .sampling = {.seed = seed}, .ignore_eos = true})
        .ids;
  };
  EXPECT_EQ(generate(1, 5), generate(3, 5));
  EXPECT_NE(generate(1, 5), generate(1, 6));
}

TEST(Session, EventsAddUpToTheText) {
  const Engine engine = Engine::load(kModel);
  Session session(engine);
  std::string seen;
  const Result result =
      session.generate({.prompt = "a", .max_tokens = 40, .sampling = {.temperature = 2, .seed = 3}, .ignore_eos = true},
                       [&](const Event& event) {
                         seen += event.text;
                         return true;
                       });
  EXPECT_EQ(seen, result.text);
  StreamDecoder decoder(Tokenizer::from_file(kModel));
  std::string expected;
  for (int32_t id : result.ids) expected += decoder.push(id);
  EXPECT_EQ(expected + decoder.finish(), result.text);
}

TEST(Session, StopsBeforeAStopString) {
  const Engine engine = Engine::load(kModel);
  const Request open{.prompt = "the", .max_tokens = 60, .sampling = {.temperature = 1, .seed = 9}, .ignore_eos = true};
  Session first(engine);
  const std::string text = first.generate(open).text;
  ASSERT_GT(text.size(), 12u);
  Request stopping = open;
  stopping.stop = {text.substr(6, 4)};
  Session second(engine);
  const Result stopped = second.generate(stopping);
  EXPECT_EQ(stopped.text, text.substr(0, text.find(stopping.stop[0])));
  EXPECT_EQ(stopped.finish_reason, FinishReason::stop);
}

TEST(Session, CanBeCancelled) {
  const Engine engine = Engine::load(kModel);
  Session session(engine);
  int n_events = 0;
  const Result by_sink =
      session.generate({.prompt = "a", .ignore_eos = true}, [&](const Event&) { return ++n_events < 3; });
  EXPECT_EQ(by_sink.finish_reason, FinishReason::cancelled);
  EXPECT_EQ(by_sink.ids.size(), 3u);
  const Result at_once = session.generate({.prompt = "b", .cancelled = [] { return true; }});
  EXPECT_EQ(at_once.finish_reason, FinishReason::cancelled);
  EXPECT_TRUE(at_once.ids.empty());
}

TEST(Session, LogprobsAreThoseOfTheScores) {
  const Engine engine = Engine::load(kModel);
  const std::vector<int32_t> prompt = some_ids(10);
  std::vector<TokenLogprob> first;
  Session session(engine);
  const Result result = session.generate(
      {.prompt_ids = prompt, .max_tokens = 1, .sampling = {.seed = 5}, .ignore_eos = true, .n_logprobs = 3},
      [&](const Event& event) {
        if (first.empty()) first.assign(event.logprobs.begin(), event.logprobs.end());
        return true;
      });
  Session other(engine);
  const auto scores = other.append(prompt);
  const double total = log_sum_exp(scores);
  ASSERT_EQ(first.size(), 4u);
  EXPECT_EQ(first[0].id, result.ids[0]);
  EXPECT_EQ(first[1].id, arg_max(scores));
  EXPECT_GE(first[1].logprob, first[2].logprob);
  EXPECT_GE(first[2].logprob, first[3].logprob);
  for (const TokenLogprob& token : first)
    EXPECT_FLOAT_EQ(token.logprob, static_cast<float>(scores[static_cast<size_t>(token.id)] - total));
}

TEST(Session, ContextEndsAreSaid) {
  const Engine engine = Engine::load(kModel, {.context_length = 16});
  Session session(engine);
  const Result filled = session.generate({.prompt_ids = some_ids(10), .ignore_eos = true});
  EXPECT_EQ(filled.finish_reason, FinishReason::context_full);
  EXPECT_EQ(filled.ids.size(), 7u) << "six fit into the context, and the last one's scores give a seventh";
  try {
    session.generate({.prompt_ids = some_ids(17)});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::context_full);
    EXPECT_NE(std::string(error.what()).find("17 tokens"), std::string::npos) << error.what();
  }
}

TEST(Session, WrongRequestsAreRefused) {
  const Engine engine = Engine::load(kModel);
  Session session(engine);
  EXPECT_THROW(session.append(std::array{-1}), Error);
  EXPECT_THROW(session.append(std::array{1 << 20}), Error);
  EXPECT_THROW(session.append({}), Error);
  EXPECT_THROW(session.truncate(1), Error);
  EXPECT_EQ(session.size(), 0);
}

TEST(Engine, WrongOptionsAreRefused) {
  EXPECT_THROW(Engine::load("no-such-model"), Error);
  EXPECT_THROW(Engine::load(kModel, {.context_length = 1 << 20}), Error) << "longer than the model's own";
  EXPECT_THROW(Engine::load(kModel, {.backend = "abacus"}), Error);
}

}  // namespace
}  // namespace tidemill
