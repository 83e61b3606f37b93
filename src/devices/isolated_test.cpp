#include "devices/isolated.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <stdexcept>

#include "tidemill/stopwatch.h"

namespace tidemill {
namespace {

TEST(Isolated, GivesWhatTheFunctionReturns) {
  const IsolatedResult result = run_isolated([] { return std::string("two\nlines"); }, 60);
  EXPECT_TRUE(result.is_complete);
  EXPECT_EQ(result.output, "two\nlines");
}

TEST(Isolated, ACrashStaysThere) {
  const IsolatedResult result = run_isolated(
      []() -> std::string {
        ::raise(SIGSEGV);
        return "x";
      },
      60);
  EXPECT_FALSE(result.is_complete);
  EXPECT_EQ(result.problem, "crashed (signal 11)");
}

TEST(Isolated, AHangEndsInTime) {
  const Stopwatch clock;
  const IsolatedResult result = run_isolated(
      []() -> std::string {
        while (true) ::pause();
      },
      0.2);
  EXPECT_EQ(result.problem, "did not answer within 0.2 s");
  EXPECT_LT(clock.seconds(), 30);
}

TEST(Isolated, ExitsAndExceptionsAreToldOf) {
  EXPECT_EQ(run_isolated([]() -> std::string { ::_exit(7); }, 60).problem, "ended the process (status 7)");
  EXPECT_FALSE(run_isolated([]() -> std::string { throw std::runtime_error("x"); }, 60).is_complete);
}

TEST(Isolated, WhatIsPrintedLeadsNowhereAndOutputIsBounded) {
  const IsolatedResult result = run_isolated(
      [] {
        std::puts("noise");
        std::fflush(stdout);
        return std::string(1 << 20, 'x');
      },
      60);
  EXPECT_TRUE(result.is_complete);
  EXPECT_EQ(result.output, std::string(64 << 10, 'x'));
}

}  // namespace
}  // namespace tidemill
