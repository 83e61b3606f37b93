#include "sys/beside.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

namespace tidemill {
namespace {

TEST(Beside, MakesSomethingOnAnotherThread) {
  const std::thread::id own = std::this_thread::get_id();
  std::thread::id other;
  Beside<std::unique_ptr<int>> made(1, [&other] {
    other = std::this_thread::get_id();
    return std::make_unique<int>(7);
  });
  EXPECT_TRUE(made.any());
  EXPECT_EQ(*made.get(), 7);
  EXPECT_NE(other, own);
  EXPECT_FALSE(Beside<int>().any());
}

TEST(Beside, HandsOnExceptions) {
  Beside<int> made(1, []() -> int { throw std::runtime_error("no"); });
  EXPECT_THROW(made.get(), std::runtime_error);
}

TEST(Beside, WaitsBeforeItGoesAway) {
  std::atomic<bool> finished = false;
  {
    Beside<int> first(1, [&finished] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      finished = true;
      return 0;
    });
    const Beside<int> moved = std::move(first);
  }
  EXPECT_TRUE(finished);
}

}  // namespace
}  // namespace tidemill
