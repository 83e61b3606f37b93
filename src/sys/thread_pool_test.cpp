#define TIDEMILL_COUNT_ALLOCATIONS
#include "sys/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sys/allocation_counter.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using std::chrono::milliseconds;

// How often each index of [0, n) was visited.
std::vector<int> visits(ThreadPool& pool, int64_t n, int64_t grain) {
  std::vector<std::atomic<int>> counts(static_cast<size_t>(n));
  pool.parallel_for(n, grain, [&](int64_t begin, int64_t end, int thread) {
    EXPECT_LT(begin, end);
    EXPECT_LE(end - begin, grain);
    EXPECT_GE(thread, 0);
    EXPECT_LT(thread, pool.n_threads());
    for (int64_t index = begin; index < end; ++index) ++counts[static_cast<size_t>(index)];
  });
  return {counts.begin(), counts.end()};
}

// A body for which every thread of the pool must come: each waits until all are there.
void meet(ThreadPool& pool) {
  std::atomic<int> n_missing = pool.n_threads();
  pool.parallel_for(pool.n_threads(), 1, [&](int64_t, int64_t, int) {
    --n_missing;
    while (n_missing > 0) std::this_thread::yield();
  });
}

TEST(ThreadPool, VisitsEachIndexOnce) {
  for (const int n_threads : {1, 2, 3, 8}) {
    ThreadPool pool(n_threads);
    EXPECT_EQ(pool.n_threads(), n_threads);
    for (const int64_t n : {0, 1, 2, 7, 100, 1001}) {
      for (const int64_t grain : {1, 3, 64, 5000}) {
        EXPECT_EQ(visits(pool, n, grain), std::vector<int>(static_cast<size_t>(n), 1)) << n << " by " << grain;
      }
    }
  }
}

TEST(ThreadPool, RefusesImpossibleThreadCounts) {
  for (const int n_threads : {-1, 0, 1025}) {
    try {
      ThreadPool pool(n_threads);
      ADD_FAILURE() << n_threads;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    }
  }
}

TEST(ThreadPool, TakesTheLargestRanges) {
  ThreadPool pool(2);
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  std::atomic<int64_t> sum = 0;
  pool.parallel_for(kMost, kMost / 3, [&](int64_t begin, int64_t end, int) { sum += end - begin; });
  EXPECT_EQ(sum, kMost);
}

TEST(ThreadPool, OneThreadRunsInTheCaller) {
  ThreadPool pool(1);
  const auto caller = std::this_thread::get_id();
  std::vector<int64_t> begins;
  pool.parallel_for(5, 2, [&](int64_t begin, int64_t, int thread) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_EQ(thread, 0);
    begins.push_back(begin);
  });
  EXPECT_EQ(begins, (std::vector<int64_t>{0, 2, 4}));
}

TEST(ThreadPool, EveryThreadTakesPart) {
  for (const int n_threads : {2, 4}) {  // a pool wider than the machine parks at once, a narrow one spins first
    ThreadPool pool(n_threads);
    for (int round = 0; round < 50; ++round) {
      if (round % 10 == 9) std::this_thread::sleep_for(milliseconds(2));  // until all are parked
      meet(pool);
    }
  }
}

// A worker that parks just when a job comes must be woken, or `meet` waits for ever.
TEST(ThreadPool, LosesNoWake) {
  ThreadPool wide(5);  // parks at once where there are fewer processors, so that nearly every job meets that moment
  for (int job = 0; job < 1000; ++job) meet(wide);
  ThreadPool narrow(2);
  for (int job = 0; job < 500; ++job) {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::microseconds(30 + job % 40);  // around the spin time
    while (std::chrono::steady_clock::now() < end) {
    }
    meet(narrow);
  }
}

TEST(ThreadPool, SeesWhatTheCallerWroteAndShowsWhatItWrote) {
  constexpr int kJobs = 20'000;
  for (const int n_threads : {2, 5}) {
    ThreadPool pool(n_threads);
    std::vector<int> numbers(64, 0);  // not atomic: the thread sanitizer checks fork and join
    int expected = 0;
    for (int job = 0; job < kJobs; ++job) {
      const int n = 1 + job % 64;
      for (int index = 0; index < n; ++index) ++numbers[index];
      pool.parallel_for(n, 1 + job % 3, [&](int64_t begin, int64_t end, int) {
        for (int64_t index = begin; index < end; ++index) ++numbers[index];
      });
      expected += 2 * n;
      if (job % 200 == 0) std::this_thread::sleep_for(std::chrono::microseconds(job / 200));  // around the spin time
    }
    EXPECT_EQ(std::accumulate(numbers.begin(), numbers.end(), 0), expected);
  }
}

TEST(ThreadPool, RethrowsAndGoesOn) {
  for (const int n_threads : {1, 2, 5}) {
    ThreadPool pool(n_threads);
    for (int job = 0; job < 500; ++job) {
      const int bad = job % 20;
      std::atomic<int> n_begun = 0;
      try {
        pool.parallel_for(20, 1, [&](int64_t begin, int64_t, int) {
          ++n_begun;
          if (begin == bad) throw std::runtime_error(std::to_string(begin));
        });
        ADD_FAILURE() << "nothing was thrown";
      } catch (const std::runtime_error& error) {
        EXPECT_EQ(error.what(), std::to_string(bad));
      }
      EXPECT_LE(n_begun, 20);
      EXPECT_EQ(visits(pool, 20, 3), std::vector<int>(20, 1));
    }
  }
}

TEST(ThreadPool, RethrowsOneOfMany) {
  ThreadPool pool(4);
  for (int job = 0; job < 500; ++job) {
    EXPECT_THROW(pool.parallel_for(16, 1, [](int64_t, int64_t, int) { throw std::runtime_error("each"); }),
                 std::runtime_error);
  }
}

TEST(ThreadPool, DropsPiecesAfterAnException) {
  ThreadPool pool(1);
  int n_begun = 0;
  EXPECT_THROW(pool.parallel_for(10, 1,
                                 [&](int64_t begin, int64_t, int) {
                                   ++n_begun;
                                   if (begin == 2) throw std::runtime_error("stop");
                                 }),
               std::runtime_error);
  EXPECT_EQ(n_begun, 3);
}

TEST(ThreadPool, RefusesToBeUsedInsideABody) {
  ThreadPool pool(2);
  try {
    pool.parallel_for(2, 1, [&](int64_t, int64_t, int) { pool.parallel_for(2, 1, [](int64_t, int64_t, int) {}); });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::internal);
  }
  EXPECT_EQ(visits(pool, 10, 1), std::vector<int>(10, 1));
  ThreadPool inner(2);  // another pool is fine
  std::atomic<int> n_calls = 0;
  pool.parallel_for(
      1, 1, [&](int64_t, int64_t, int) { inner.parallel_for(6, 1, [&](int64_t, int64_t, int) { ++n_calls; }); });
  EXPECT_EQ(n_calls, 6);
}

TEST(ThreadPool, AllocatesNothing) {
  if (!kCountsAllocations) GTEST_SKIP() << "allocations are the sanitizer's";
  ThreadPool pool(3);
  meet(pool);
  const int64_t before = allocation_count();
  std::atomic<int64_t> sum = 0;
  for (int job = 0; job < 100; ++job) {
    pool.parallel_for(50, 7, [&](int64_t begin, int64_t end, int) { sum += end - begin; });
  }
  EXPECT_EQ(allocation_count(), before);
  EXPECT_EQ(sum, 5000);
}

TEST(ThreadPool, ManyPoolsComeAndGo) {
  for (int round = 0; round < 100; ++round) {
    ThreadPool pool(1 + round % 6);
    if (round % 3 != 0) {
      EXPECT_EQ(visits(pool, 30, 1), std::vector<int>(30, 1));
    }
    if (round % 10 == 0) std::this_thread::sleep_for(milliseconds(1));
  }
}

TEST(ThreadPool, IdleCostsNoProcessorTime) {
  ThreadPool pool(2);  // few enough to spin on any machine that can
  meet(pool);
  std::this_thread::sleep_for(milliseconds(20));  // all are parked now
  const auto processor_time = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
  };
  const double before = processor_time();
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_LT(processor_time() - before, 10.0);  // milliseconds; a spinning worker would take far more
}

// A signal handler holds one worker still, wherever it is, while it owns no piece.
namespace held {
std::atomic<bool> inside = false;
int release_pipe[2];
void handler(int) {
  inside = true;
  char byte;
  while (::read(release_pipe[0], &byte, 1) < 0) {
  }
  inside = false;
}
}  // namespace held

TEST(ThreadPool, NeverWaitsForAWorkerWithoutAPiece) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the thread sanitizer delivers signals late";
#endif
  ASSERT_EQ(::pipe(held::release_pipe), 0);
  struct sigaction action{};
  action.sa_handler = held::handler;
  struct sigaction before{};
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  ThreadPool pool(2);
  pthread_t worker{};
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> n_missing = 2;
    pool.parallel_for(2, 1, [&](int64_t, int64_t, int thread) {
      if (thread == 1) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
        worker = pthread_self();
      }
      --n_missing;
      while (n_missing > 0) std::this_thread::yield();
    });
    if (round % 2 == 1) std::this_thread::sleep_for(milliseconds(1));  // held while parked, else while it spins
    ASSERT_EQ(pthread_kill(worker, SIGUSR1), 0);
    while (!held::inside) std::this_thread::yield();
    for (int job = 0; job < 200; ++job) {
      int n_visits = 0;  // only the caller is there to count
      pool.parallel_for(10, 1, [&](int64_t, int64_t, int thread) { n_visits += thread == 0 ? 1 : 100; });
      ASSERT_EQ(n_visits, 10);
    }
    ASSERT_EQ(::write(held::release_pipe[1], "x", 1), 1);
    while (held::inside) std::this_thread::yield();
    meet(pool);  // and it takes part again
  }
  ::sigaction(SIGUSR1, &before, nullptr);
  ::close(held::release_pipe[0]);
  ::close(held::release_pipe[1]);
}

}  // namespace
}  // namespace tidemill
