// Service on tiny random models: what many requests get together is what each gets alone.
#include "tidemill/service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace tidemill {
namespace {

const std::string kGolden = std::string(TIDEMILL_SOURCE_DIR) + "/tests/golden/";
const std::string kGemma = kGolden + "gemma3/model.gguf";

// What became of one request.
struct Outcome {
  std::promise<Result> promise;
  std::future<Result> future = promise.get_future();
  std::string streamed;
};

std::shared_ptr<Outcome> submit(Service& service, const Request& request, const std::string& client = "") {
  auto outcome = std::make_shared<Outcome>();
  service.submit(
      {.request = request,
       .client = client,
       .on_event =
           [outcome](const Event& event) {
             outcome->streamed += event.text;
             return true;
           },
       .on_end = [outcome](Result&& result) { outcome->promise.set_value(std::move(result)); },
       .on_error = [outcome](const Error& error) { outcome->promise.set_exception(std::make_exception_ptr(error)); }});
  return outcome;
}

// Requests that differ in length, temperature and seed; every third begins as the one before it.
std::vector<Request> many_requests(size_t n) {
  std::vector<Request> requests;
  for (size_t index = 0; index < n; ++index) {
    Request request{.max_tokens = static_cast<int64_t>(3 + index % 11), .ignore_eos = true};
    request.sampling = {.temperature = index % 2 == 0 ? 0.0f : 0.9f, .seed = index};
    if (index % 3 == 2) request.prompt_ids = requests.back().prompt_ids;
    const size_t n_ids = request.prompt_ids.size() + 1 + index * 29 % 40;
    while (request.prompt_ids.size() < n_ids)
      request.prompt_ids.push_back(static_cast<int32_t>(4 + (index * 31 + request.prompt_ids.size() * 17) % 200));
    requests.push_back(request);
  }
  return requests;
}

class ServiceModelTest : public testing::TestWithParam<std::string> {};

TEST_P(ServiceModelTest, ManyRequestsGetWhatEachGetsAlone) {
  const Engine engine = Engine::load(kGolden + GetParam(), {.threads = 2, .context_length = 128});
  const std::vector<Request> requests = many_requests(24);
  Service service(engine, {.max_running = 5, .max_kept_bytes = 1 << 20});
  std::vector<std::shared_ptr<Outcome>> outcomes;
  for (const Request& request : requests) outcomes.push_back(submit(service, request));
  for (size_t index = 0; index < requests.size(); ++index) {
    Session session(engine);
    const Result expected = session.generate(requests[index]);
    const Result found = outcomes[index]->future.get();
    EXPECT_EQ(found.ids, expected.ids) << index;
    EXPECT_EQ(found.text, expected.text) << index;
    EXPECT_EQ(outcomes[index]->streamed, expected.text) << index;
    EXPECT_EQ(found.finish_reason, expected.finish_reason) << index;
    EXPECT_EQ(found.usage.prompt_tokens, expected.usage.prompt_tokens);
    EXPECT_EQ(found.usage.completion_tokens, expected.usage.completion_tokens);
  }
  EXPECT_EQ(service.statistics().n_submitted, 24);
}

INSTANTIATE_TEST_SUITE_P(Models, ServiceModelTest,
                         testing::Values("gemma3/model.gguf", "models/llama-gqa-untied", "models/mamba", "models/rwkv7",
                                         "models/phi3-longrope", "models/llama-rope-dynamic"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
                           return name;
                         });

class ServiceTest : public testing::Test {
 protected:
  static Request long_request(int64_t n_tokens = 100) {
    return {.prompt_ids = {2, 5, 9}, .max_tokens = n_tokens, .sampling = {.temperature = 0}, .ignore_eos = true};
  }
  static ErrorCode refusal(Service& service, const Request& request) {
    try {
      service.submit({.request = request});
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  }
  static void await(const std::function<bool()>& condition) {
    while (!condition()) std::this_thread::yield();
  }

  Engine engine_ = Engine::load(kGemma, {.threads = 1, .context_length = 256});
};

TEST_F(ServiceTest, APromptThatBeginsAsAnEndedOneIsNotReadAgain) {
  Service service(engine_);
  Request first = long_request(8);
  first.prompt_ids.assign(100, 7);
  const Result result = submit(service, first, "a")->future.get();
  EXPECT_EQ(result.usage.cached_tokens, 0);
  Request other = first;
  other.prompt_ids.resize(60);
  other.prompt_ids.resize(100, 8);
  EXPECT_EQ(submit(service, other, "a")->future.get().usage.cached_tokens, 60);
  EXPECT_EQ(submit(service, first, "a")->future.get().usage.cached_tokens, 99);  // the last one's scores are needed
  EXPECT_EQ(submit(service, first, "b")->future.get().usage.cached_tokens, 0);   // another client's time tells nothing
  Request longer = first;
  longer.prompt_ids.insert(longer.prompt_ids.end(), result.ids.begin(), result.ids.end());
  EXPECT_EQ(submit(service, longer, "a")->future.get().usage.cached_tokens, 107);
}

// A recurrent state cannot be cut: where prompts part it is kept when the second one comes by.
TEST(RecurrentServiceTest, TheThirdPromptThatBeginsAlikeIsReadFromWhereTheyPart) {
  const Engine engine = Engine::load(kGolden + "models/mamba", {.threads = 1, .context_length = 512});
  Service service(engine);
  const auto ask = [&](int32_t last) {
    Request request{.prompt_ids = std::vector<int32_t>(200, 7), .max_tokens = 4, .ignore_eos = true};
    request.prompt_ids.resize(220, last);
    const Result result = submit(service, request, "a")->future.get();
    Session session(engine);
    EXPECT_EQ(result.ids, session.generate(request).ids) << last;
    return result.usage.cached_tokens;
  };
  EXPECT_EQ(ask(8), 0);
  EXPECT_EQ(ask(9), 0);
  EXPECT_EQ(ask(10), 200);
  EXPECT_EQ(ask(8), 200);
}

TEST_F(ServiceTest, TextsThatBeginAlikeShareMemory) {
  Service service(engine_);
  Request request = long_request(4);
  request.prompt_ids.assign(200, 7);
  submit(service, request, "a")->future.get();
  const int64_t before = service.statistics().state_bytes;
  for (int32_t last = 8; last < 20; ++last) {
    request.prompt_ids.back() = last;
    submit(service, request, "a")->future.get();
  }
  EXPECT_LT(service.statistics().state_bytes, 9 * before) << "of 13 texts of two pages one page is the same";
}

TEST_F(ServiceTest, OnceWarmTextsTakePagesThatOthersGaveBack) {
  Service service(engine_, {.max_running = 2, .max_kept_bytes = 0});
  Request request = long_request(4);
  request.prompt_ids.assign(200, 7);
  const auto ask_often = [&](int n) {
    for (int i = 0; i < n; ++i) submit(service, request, "a")->future.get();
    return service.statistics();
  };
  const ServiceStatistics warm = ask_often(2), later = ask_often(60);
  const int64_t n_takes = later.page_takes - warm.page_takes;
  EXPECT_GE(n_takes, 120) << "of 60 texts of two pages";
  EXPECT_EQ(later.page_reuses - warm.page_reuses, n_takes);
}

TEST_F(ServiceTest, ACancelledRequestEndsAndFreesItsPlace) {
  Service service(engine_, {.max_running = 1});
  std::atomic<int> n_events = 0;
  std::promise<Result> running, queued;
  const uint64_t first = service.submit({.request = long_request(250),
                                         .on_event =
                                             [&](const Event&) {
                                               ++n_events;
                                               std::this_thread::sleep_for(std::chrono::milliseconds(1));
                                               return true;
                                             },
                                         .on_end = [&](Result&& result) { running.set_value(std::move(result)); }});
  const uint64_t second = service.submit(
      {.request = long_request(), .on_end = [&](Result&& result) { queued.set_value(std::move(result)); }});
  await([&] { return n_events > 2; });
  service.cancel(second);
  EXPECT_EQ(queued.get_future().get().finish_reason, FinishReason::cancelled);
  service.cancel(first);
  const Result result = running.get_future().get();
  EXPECT_EQ(result.finish_reason, FinishReason::cancelled);
  EXPECT_LT(result.ids.size(), 250u);
  EXPECT_EQ(submit(service, long_request(5))->future.get().ids.size(), 5u);
  EXPECT_EQ(service.statistics().n_cancelled, 2);
}

TEST_F(ServiceTest, ASinkThatWantsNoMoreEndsItsRequest) {
  Service service(engine_);
  std::promise<Result> promise;
  service.submit({.request = long_request(),
                  .on_event = [](const Event&) { return false; },
                  .on_end = [&](Result&& result) { promise.set_value(std::move(result)); }});
  const Result result = promise.get_future().get();
  EXPECT_EQ(result.finish_reason, FinishReason::cancelled);
  EXPECT_EQ(result.ids.size(), 1u);
}

TEST_F(ServiceTest, WhatCannotBeServedIsRefusedAtOnce) {
  Service service(engine_, {.max_running = 1, .max_queued = 2});
  EXPECT_EQ(refusal(service, {}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal(service, {.prompt_ids = {1 << 30}}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal(service, {.prompt_ids = {2}, .sampling = {.top_p = 2}}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal(service, {.prompt_ids = std::vector<int32_t>(257, 3)}), ErrorCode::context_full);
  std::atomic<bool> may_go_on = false;
  Submission blocking{.request = long_request(2)};
  blocking.on_event = [&](const Event&) {
    await([&] { return may_go_on.load(); });
    return true;
  };
  service.submit(blocking);
  await([&] { return service.statistics().n_queued == 0; });
  const auto second = submit(service, long_request(1)), third = submit(service, long_request(1));
  EXPECT_EQ(refusal(service, long_request(1)), ErrorCode::queue_full);
  may_go_on = true;
  EXPECT_EQ(second->future.get().ids.size(), 1u);
  EXPECT_EQ(third->future.get().ids.size(), 1u);
}

// One place is taken by client a and one is free when the others come: b is served before more of a's, and what is
// urgent before both.
TEST_F(ServiceTest, UrgentRequestsStartFirstThenThoseOfClientsWithLittleRunning) {
  Service service(engine_, {.max_running = 2, .max_queued = 8});
  std::atomic<bool> may_go_on = false;
  std::atomic<int> n_blocked = 0, n_ended = 0;
  std::vector<std::string> order;  // of first tokens
  const auto submit_named = [&](const std::string& name, const std::string& client, int32_t priority, bool blocks) {
    service.submit({.request = long_request(blocks ? 30 : 1),
                    .client = client,
                    .priority = priority,
                    .on_event =
                        [&, name, blocks, is_first = true](const Event&) mutable {
                          if (std::exchange(is_first, false)) order.push_back(name);
                          if (blocks) ++n_blocked;
                          await([&] { return may_go_on.load(); });
                          return true;
                        },
                    .on_end = [&](Result&&) { ++n_ended; }});
  };
  submit_named("a1", "a", 0, true);
  await([&] { return n_blocked == 1; });  // the step waits; all that follow are queued together
  submit_named("a2", "a", 0, false);
  submit_named("a3", "a", 0, false);
  submit_named("b1", "b", 0, false);
  submit_named("c1", "c", 1, false);
  may_go_on = true;
  await([&] { return n_ended == 5; });
  EXPECT_EQ(order, (std::vector<std::string>{"a1", "c1", "b1", "a2", "a3"}));
}

TEST_F(ServiceTest, OptionsOutOfRangeAndEncodersAreRefused) {
  EXPECT_THROW(Service(engine_, {.max_running = 0}), Error);
  EXPECT_THROW(Service(engine_, {.max_running = 65}), Error);
  EXPECT_THROW(Service(engine_, {.max_queued = 0}), Error);
  EXPECT_THROW(Service(engine_, {.max_kept_bytes = -1}), Error);
  EXPECT_THROW(Service(engine_, {.speculate = -2}), Error);
  EXPECT_THROW(Service(Engine::load(kGolden + "models/bert")), Error);
}

TEST_F(ServiceTest, AServiceThatGoesEndsWhatItHas) {
  std::vector<std::shared_ptr<Outcome>> outcomes;
  {
    Service service(engine_, {.max_running = 2});
    for (int index = 0; index < 6; ++index) outcomes.push_back(submit(service, long_request(250)));
  }
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome->future.get().finish_reason, FinishReason::cancelled);
}

}  // namespace
}  // namespace tidemill
