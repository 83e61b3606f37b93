#include "tidemill/log.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace tidemill {
namespace {

class Log : public testing::Test {
 protected:
  void TearDown() override { set_log_sink({}); }
};

TEST_F(Log, IsSilentUntilASinkIsSet) {
  log(LogLevel::error, "nobody listens");
  std::vector<std::string> lines;
  set_log_sink([&](LogLevel level, std::string_view message) {
    lines.push_back(std::to_string(static_cast<int>(level)) + " " + std::string(message));
  });
  log(LogLevel::debug, "one");
  log(LogLevel::warning, "two");
  set_log_sink({});
  log(LogLevel::error, "three");
  EXPECT_EQ(lines, (std::vector<std::string>{"0 one", "2 two"}));
}

TEST_F(Log, NeverCallsTheSinkTwiceAtOnce) {
  int lines = 0;  // not atomic: the thread sanitizer would see two calls at once
  set_log_sink([&](LogLevel, std::string_view) { ++lines; });
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([] {
        for (int line = 0; line < 250; ++line) log(LogLevel::info, "line");
      });
    }
  }
  EXPECT_EQ(lines, 1000);
}

TEST_F(Log, DropsLinesThatASinkItselfWrites) {
  int lines = 0;
  set_log_sink([&](LogLevel, std::string_view) {
    ++lines;
    log(LogLevel::info, "from inside");
  });
  log(LogLevel::info, "a");
  log(LogLevel::info, "b");
  EXPECT_EQ(lines, 2);
}

}  // namespace
}  // namespace tidemill
