// Latency of one fork and join of the thread pool in microseconds: median, 99th percentile and mean.
//   thread_pool_bench [n_threads]      (2 by default)
//
// empty      a piece per thread that does nothing; the caller may do them all and return alone
// meeting    a piece per thread that waits until every thread has one: the time until all are at work and back
// work       100 us of work for one thread, in 32 pieces
// hot        one call after another;  cold: after 2 ms of sleep, when the workers are parked
// busy       while another process keeps one processor busy
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <thread>
#include <vector>

#include "sys/thread_pool.h"

namespace {

using Clock = std::chrono::steady_clock;
using tidemill::ThreadPool;

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

// Calls `action` `n_calls` times, sleeping `pause` before each, and prints how long the calls took.
void report(const char* name, int n_calls, std::chrono::microseconds pause, const std::function<void()>& action) {
  std::vector<double> times;
  for (int call = 0; call < n_calls; ++call) {
    if (pause.count() > 0) std::this_thread::sleep_for(pause);
    const auto start = Clock::now();
    action();
    times.push_back(microseconds_since(start));
  }
  std::ranges::sort(times);
  const double mean = std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size());
  std::printf("  %-14s %10.2f %10.2f %10.2f\n", name, times[times.size() / 2], times[times.size() * 99 / 100], mean);
}

// A loop that the compiler keeps and whose time is known after `calibrate`.
void burn(int64_t n_rounds) {
  for (int64_t round = 0; round < n_rounds; ++round) asm volatile("" ::: "memory");
}

int64_t rounds_per_microsecond() {
  double best = 1e9;
  for (int repeat = 0; repeat < 20; ++repeat) {
    const auto start = Clock::now();
    burn(1'000'000);
    best = std::min(best, microseconds_since(start));
  }
  return static_cast<int64_t>(1e6 / best);
}

void measure(int n_threads, int64_t rounds_per_us) {
  ThreadPool pool(n_threads);
  constexpr std::chrono::microseconds kHot{0};
  constexpr std::chrono::microseconds kCold{2000};
  const auto empty = [&] { pool.parallel_for(n_threads, 1, [](int64_t, int64_t, int) {}); };
  const auto meeting = [&] {
    std::atomic<int> n_missing = n_threads;
    pool.parallel_for(n_threads, 1, [&](int64_t, int64_t, int) {
      --n_missing;
      while (n_missing > 0) {
      }
    });
  };
  const auto work = [&] { pool.parallel_for(32, 1, [&](int64_t, int64_t, int) { burn(rounds_per_us * 100 / 32); }); };
  report("empty hot", 100'000, kHot, empty);
  report("meeting hot", 20'000, kHot, meeting);
  report("work hot", 5'000, kHot, work);
  report("empty cold", 500, kCold, empty);
  report("meeting cold", 500, kCold, meeting);
  report("work cold", 500, kCold, work);
}

}  // namespace

int main(int argc, char** argv) {
  const int n_threads = argc > 1 ? std::atoi(argv[1]) : 2;
  const int64_t rounds_per_us = rounds_per_microsecond();
  std::printf("%d threads; microseconds:      median        p99       mean\n", n_threads);
  std::printf("quiet\n");
  measure(n_threads, rounds_per_us);
  const pid_t rival = ::fork();
  if (rival == 0) {
    for (;;) burn(1'000'000);
  }
  std::printf("busy\n");
  measure(n_threads, rounds_per_us);
  ::kill(rival, SIGKILL);
  ::waitpid(rival, nullptr, 0);
}
