// Models whose keys depend on the length of a text, at 32 tokens (longrope, dynamic): however a session came to hold a
// text, and whoever shares its beginning, the scores that follow are the same.
#include <gtest/gtest.h>

#include <future>

#include "sys/test_folder.h"
#include "tidemill/engine.h"
#include "tidemill/error.h"
#include "tidemill/service.h"

namespace tidemill {
namespace {

std::vector<int32_t> text(size_t n) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < n; ++i) ids.push_back(static_cast<int32_t>(5 + i * i % 200));
  return ids;
}

std::vector<float> scores(Session& session, std::span<const int32_t> ids) {
  const std::span<const float> found = session.append(ids);
  return {found.begin(), found.end()};
}

Engine load(const std::string& name) {
  const std::string folder = std::string(TIDEMILL_SOURCE_DIR) + "/tests/golden/models/" + name;
  return Engine::load(folder, {.threads = 2, .context_length = 96});
}

class LongRopeTest : public testing::Test {
 protected:
  std::vector<float> fresh(size_t n) const {
    Session session(engine_);
    return scores(session, text(n));
  }

  Engine engine_ = load("phi3-longrope");
};

TEST_F(LongRopeTest, AStepPastTheBoundaryIsWhatAFreshPromptGives) {
  for (const size_t first : {1u, 20u, 31u, 32u, 33u, 50u}) {
    Session session(engine_);
    session.append(text(first));
    for (size_t n = first + 1; n <= 60; ++n)
      ASSERT_EQ(scores(session, std::vector<int32_t>{text(n).back()}), fresh(n)) << first << " at first, then " << n;
  }
}

TEST_F(LongRopeTest, GoingBackAndForthAcrossTheBoundary) {
  Session session(engine_);
  session.append(text(60));
  for (const size_t n : {40u, 33u, 32u, 10u, 31u, 32u, 50u, 5u}) {
    session.truncate(std::min<int64_t>(session.size(), static_cast<int64_t>(n) - 1));
    const std::vector<int32_t> all = text(n);
    ASSERT_EQ(scores(session, std::span(all).subspan(static_cast<size_t>(session.size()))), fresh(n)) << n;
  }
}

TEST_F(LongRopeTest, ForkedAndRestoredStatesKnowTheirKeys) {
  const TestFolder folder;
  for (const size_t held : {20u, 32u, 33u, 50u}) {
    Session session(engine_);
    session.append(text(held + 5));
    session.truncate(static_cast<int64_t>(held));  // so that a short text may have long keys
    session.save(folder.path("state"));
    for (const size_t n : {held + 1, size_t{60}}) {
      Session forked = session.fork(), restored(engine_);
      restored.restore(folder.path("state"));
      const std::vector<int32_t> all = text(n);
      const auto rest = std::span(all).subspan(held);
      EXPECT_EQ(scores(forked, rest), fresh(n)) << held << " " << n;
      EXPECT_EQ(scores(restored, rest), fresh(n)) << held << " " << n;
    }
  }
}

TEST_F(LongRopeTest, SessionsThatStepTogether) {
  std::vector<Session> sessions;
  std::vector<Session*> pointers;
  for (const size_t n : {30u, 32u, 40u}) {
    sessions.emplace_back(engine_);
    sessions.back().append(text(n));
  }
  for (Session& session : sessions) pointers.push_back(&session);
  const std::vector<int32_t> all = text(41), next{all[30], all[32], all[40]};
  std::vector<std::vector<float>> found;
  Session::append_each(pointers, next,
                       [&](int64_t, std::span<const float> row) { found.emplace_back(row.begin(), row.end()); });
  EXPECT_EQ(found, (std::vector{fresh(31), fresh(33), fresh(41)}));
}

TEST_F(LongRopeTest, AStateOfALongTextIsNotForOtherModels) {
  const TestFolder folder;
  Session session(engine_);
  session.append(text(40));
  session.save(folder.path("state"));
  Session other(load("phi3-partial-rotary"));
  EXPECT_THROW(other.restore(folder.path("state")), Error);
}

// Dynamic keys stay as they are, so that what a text is depends on what its prompt was; that must be all.
TEST(DynamicRopeTest, APromptIsReadTheSameWhateverTheSessionHeld) {
  const Engine engine = load("llama-rope-dynamic");
  for (const size_t n : {10u, 32u, 33u, 60u}) {
    const Request request{.prompt_ids = text(n), .max_tokens = 20, .ignore_eos = true};
    Session first(engine);
    const Result expected = first.generate(request);
    for (const size_t held : {5u, 32u, 40u, 60u}) {
      Session session(engine);
      session.generate({.prompt_ids = text(held), .max_tokens = 8, .ignore_eos = true});
      EXPECT_EQ(session.generate(request).ids, expected.ids) << held << " before " << n;
    }
  }
}

// Many texts one after another through the tree of beginnings, short and long ones alike.
class SharedBeginningsTest : public testing::TestWithParam<const char*> {};

TEST_P(SharedBeginningsTest, ChangeNoText) {
  const Engine engine = load(GetParam());
  Service service(engine, {.max_running = 3});
  for (int round = 0; round < 2; ++round) {
    for (const size_t n : {40u, 20u, 33u, 32u, 60u, 31u}) {
      const Request request{.prompt_ids = text(n), .max_tokens = 12, .ignore_eos = true};
      Session session(engine);
      std::promise<std::vector<int32_t>> ids;
      service.submit({.request = request,
                      .on_end = [&](Result&& result) { ids.set_value(std::move(result.ids)); },
                      .on_error = [&](const Error& error) { ids.set_exception(std::make_exception_ptr(error)); }});
      EXPECT_EQ(ids.get_future().get(), session.generate(request).ids) << n;
    }
  }
  EXPECT_GT(service.statistics().cached_tokens, 50);
}

INSTANTIATE_TEST_SUITE_P(Models, SharedBeginningsTest, testing::Values("phi3-longrope", "llama-rope-dynamic"),
                         [](const auto& parameter) { return parameter.index == 0 ? "longrope" : "dynamic"; });

}  // namespace
}  // namespace tidemill
