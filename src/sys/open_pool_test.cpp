#include "sys/open_pool.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tidemill/error.h"

namespace tidemill {
namespace {

int64_t sum_below(OpenPool& pool, int64_t n, int64_t grain) {
  std::atomic<int64_t> sum = 0;
  pool.parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) sum += i;
  });
  return sum;
}

TEST(OpenPool, EveryIndexOnceForManyCallers) {
  OpenPool pool(2);
  std::vector<std::thread> callers;
  std::atomic<int> n_right = 0;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) n_right += sum_below(pool, 1000, 7) == 999 * 500;
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(n_right, 800);
}

TEST(OpenPool, WhoFindsItTakenWorksAlone) {
  OpenPool pool(2);
  const OpenPool::Lease first(pool);
  EXPECT_TRUE(first.is_shared());
  EXPECT_EQ(first.pool().n_threads(), 2);
  std::thread([&] {
    const OpenPool::Lease second(pool);
    EXPECT_FALSE(second.is_shared());
    EXPECT_EQ(second.pool().n_threads(), 1);
  }).join();
}

TEST(OpenPool, BodiesMayUseTheLonePool) {
  OpenPool pool(1);
  int64_t n = 0;
  pool.parallel_for(10, 3, [&](int64_t begin, int64_t end) {
    lone_pool().parallel_for(end - begin, 1, [&](int64_t, int64_t, int) { ++n; });
  });
  EXPECT_EQ(n, 10);
}

TEST(OpenPool, AForkedProcessWorksAlone) {
  OpenPool pool(2);
  EXPECT_EQ(sum_below(pool, 100, 1), 4950);
  const pid_t child = fork();
  if (child == 0) _exit(sum_below(pool, 100, 1) == 4950 ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(OpenPool, RefusesNumbersOfThreads) {
  EXPECT_THROW(OpenPool(0), Error);
  EXPECT_THROW(OpenPool(1025), Error);
}

}  // namespace
}  // namespace tidemill
