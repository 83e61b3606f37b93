// The pool's decisions under simulated time: whatever devices do, every task ends once.
#include "devices/pool_state.h"

#include <gtest/gtest.h>

#include <limits>
#include <queue>
#include <set>

namespace tidemill {
namespace {

std::vector<DeviceStatistics> devices(const std::vector<int>& slots) {
  std::vector<DeviceStatistics> list;
  for (const int n : slots) list.push_back({.name = "d" + std::to_string(list.size()), .slots = n});
  return list;
}

// Devices that fail, hang, answer late, die and come back, as chance has it.
class Simulation {
 public:
  Simulation(const std::vector<int>& slots, const DevicePoolOptions& options, uint64_t seed)
      : options_(options), state_(devices(slots), options), random_(seed), slots_(slots), is_dead_(slots.size()) {
    for (size_t device = 0; device < slots.size(); ++device) speed_.push_back(0.05 + random_.uniform());
  }

  void run(int n_tasks) {
    int n_added = 0;
    while (n_added < n_tasks || n_ended() < static_cast<size_t>(n_tasks)) {
      if (n_added < n_tasks && random_.uniform() < 0.5) state_.add(static_cast<TaskId>(n_added++));
      look();
      ASSERT_LT(++n_steps_, 200 * n_tasks + 1000) << "the pool stands still";
      if (!advance() && n_added == n_tasks) break;
      ASSERT_FALSE(HasFailure());
    }
  }

  size_t n_ended() const { return answered_.size() + failed_.size(); }
  const std::set<TaskId>& answered() const { return answered_; }
  const std::set<TaskId>& failed() const { return failed_; }
  const PoolState& state() const { return state_; }
  const std::vector<std::string>& trace() const { return trace_; }
  void drain() {
    while (!ends_.empty()) {
      now_ = ends_.top().time;
      finish();
      look();
    }
  }

 private:
  struct End {
    double time;
    Attempt attempt;
    AttemptEnd how;
    bool is_check;
    bool operator<(const End& other) const { return time > other.time; }  // the earliest on top
  };

  static bool HasFailure() { return testing::Test::HasFailure(); }

  // All that the pool wants to do now.
  void look() {
    while (const auto expired = state_.expire(now_)) {
      EXPECT_GT(options_.timeout_s, 0);
      if (expired->verdict == Verdict::failed) fail(expired->attempt.task);
    }
    while (const auto device = state_.start_check(now_)) {
      EXPECT_FALSE(state_.statistics()[*device].is_healthy);
      ends_.push({now_ + 0.01, {.device = *device}, AttemptEnd::answered, true});
    }
    while (const auto task = state_.give_up(now_)) fail(*task);
    while (const auto attempt = state_.start(now_)) begin(*attempt);
  }

  void begin(const Attempt& attempt) {
    const DeviceStatistics& device = state_.statistics()[attempt.device];
    EXPECT_TRUE(device.is_healthy);
    EXPECT_LE(device.n_running, slots_[attempt.device]);
    EXPECT_FALSE(answered_.contains(attempt.task) || failed_.contains(attempt.task));
    EXPECT_LE(++n_attempts_[attempt.task], options_.max_attempts);
    trace_.push_back(std::to_string(attempt.task) + "@" + std::to_string(attempt.device));
    const double chance = random_.uniform();
    AttemptEnd how = AttemptEnd::answered;
    double seconds = speed_[attempt.device] * (0.5 + random_.uniform());
    if (chance < 0.05) is_dead_[attempt.device] = true;
    if (is_dead_[attempt.device] || chance < 0.15) how = AttemptEnd::device_failed;
    if (chance > 0.97) how = AttemptEnd::task_failed;
    if (chance > 0.9 && chance < 0.95 && options_.timeout_s > 0) seconds = 5 * options_.timeout_s;  // hangs
    ends_.push({now_ + seconds, attempt, how, false});
  }

  // To the next event; false when there is none.
  bool advance() {
    const double next = std::min(state_.next_event(), ends_.empty() ? kNever : ends_.top().time);
    if (next == kNever) return false;
    now_ = std::max(now_, next);
    if (!ends_.empty() && ends_.top().time <= now_) finish();
    return true;
  }

  void finish() {
    const End end = ends_.top();
    ends_.pop();
    if (end.is_check) {
      if (random_.uniform() < 0.6) is_dead_[end.attempt.device] = false;
      return state_.checked(end.attempt.device, !is_dead_[end.attempt.device], now_);
    }
    const Verdict verdict = state_.end(end.attempt, end.how, now_);
    if (verdict == Verdict::answered) {
      EXPECT_EQ(end.how, AttemptEnd::answered);
      EXPECT_TRUE(answered_.insert(end.attempt.task).second) << "answered twice";
      EXPECT_FALSE(failed_.contains(end.attempt.task));
    } else if (verdict == Verdict::failed) {
      fail(end.attempt.task);
    }
  }

  void fail(TaskId task) {
    EXPECT_TRUE(failed_.insert(task).second) << "failed twice";
    EXPECT_FALSE(answered_.contains(task));
  }

  static constexpr double kNever = std::numeric_limits<double>::infinity();
  DevicePoolOptions options_;
  PoolState state_;
  Random random_;
  std::vector<int> slots_;
  std::vector<double> speed_;
  std::vector<bool> is_dead_;
  std::priority_queue<End> ends_;
  std::map<TaskId, int> n_attempts_;
  std::set<TaskId> answered_;
  std::set<TaskId> failed_;
  std::vector<std::string> trace_;
  double now_ = 0;
  int n_steps_ = 0;
};

DevicePoolOptions options_of(uint64_t seed) {
  Random random(seed);
  return {.balance = static_cast<Balance>(random.next() % 4),
          .max_attempts = 1 + static_cast<int>(random.next() % 4),
          .failures_to_retire = 1 + static_cast<int>(random.next() % 3),
          .timeout_s = random.next() % 2 == 0 ? 0.0 : 2.0,
          .check_interval_s = 0.1,
          .max_check_interval_s = 4,
          .give_up_s = 3,
          .seed = seed};
}

TEST(PoolState, EveryTaskEndsOnceWhateverDevicesDo) {
  int64_t n_late = 0;
  int64_t n_retired = 0;
  size_t n_failed = 0;
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    Random random(seed * 77);
    std::vector<int> slots;
    for (uint32_t n = 1 + random.next() % 4; n > 0; --n) slots.push_back(1 + static_cast<int>(random.next() % 3));
    Simulation simulation(slots, options_of(seed), seed);
    simulation.run(40);
    simulation.drain();
    ASSERT_EQ(simulation.n_ended(), 40) << "seed " << seed;
    int64_t n_answered = 0;
    for (const DeviceStatistics& one : simulation.state().statistics()) {
      EXPECT_EQ(one.n_running, 0);
      n_answered += one.n_answered;
      n_late += one.n_late;
      n_retired += one.n_retired;
    }
    ASSERT_EQ(n_answered, simulation.answered().size()) << "seed " << seed;
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
    n_failed += simulation.failed().size();
  }
  // The course of events had what it is about.
  EXPECT_GT(n_late, 100);
  EXPECT_GT(n_retired, 1000);
  EXPECT_GT(n_failed, 1000);
}

TEST(PoolState, TheSameEventsGiveTheSameDecisions) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Simulation one({2, 1, 1}, options_of(seed), seed);
    Simulation other({2, 1, 1}, options_of(seed), seed);
    one.run(30);
    other.run(30);
    EXPECT_EQ(one.trace(), other.trace());
  }
}

// Runs `n` tasks, one after another, each taking seconds[device]; how many each device got.
std::vector<int> shares(const DevicePoolOptions& options, const std::vector<double>& seconds, int n) {
  PoolState state(devices(std::vector<int>(seconds.size(), 1)), options);
  std::vector<int> counts(seconds.size());
  double now = 0;
  for (int task = 0; task < n; ++task) {
    state.add(static_cast<TaskId>(task));
    const auto attempt = state.start(now);
    ++counts[attempt.value().device];
    now += seconds[attempt->device];
    state.end(*attempt, AttemptEnd::answered, now);
  }
  return counts;
}

TEST(PoolState, StrategiesDoWhatTheirNamesSay) {
  EXPECT_EQ(shares({.balance = Balance::round_robin}, {1, 1, 1}, 9), (std::vector<int>{3, 3, 3}));
  EXPECT_EQ(shares({.balance = Balance::least_loaded}, {1, 2, 3}, 9), (std::vector<int>{3, 3, 3}));
  // Each gets one task, to be known.
  EXPECT_EQ(shares({.balance = Balance::performance}, {3, 1, 2}, 9), (std::vector<int>{1, 7, 1}));
  const auto random = shares({.balance = Balance::random}, {1, 1, 1}, 3000);
  for (const int n : random) EXPECT_NEAR(n, 1000, 120);
}

TEST(PoolState, ASlowDeviceHelpsOnlyWhereThatEndsTheWorkSooner) {
  PoolState state(devices({1, 1}), {.balance = Balance::performance});
  double now = 0;
  for (const auto& [device, seconds] : {std::pair<size_t, double>{0, 1}, {1, 10}}) {
    state.add(device);
    const auto attempt = state.start(now);
    ASSERT_EQ(attempt.value().device, device);
    state.end(*attempt, AttemptEnd::answered, now += seconds);
  }
  for (TaskId task = 10; task < 13; ++task) state.add(task);
  EXPECT_EQ(state.start(now).value().device, 0);
  EXPECT_FALSE(state.start(now));  // three seconds of the quick one, ten of the slow one
  for (TaskId task = 20; task < 30; ++task) state.add(task);
  EXPECT_EQ(state.start(now).value().device, 1);
}

TEST(PoolState, ATaskGoesToADeviceThatHasNotFailedAtIt) {
  PoolState state(devices({2, 2}), {.failures_to_retire = 5});
  state.add(1);
  const auto first = state.start(0).value();
  EXPECT_EQ(state.end(first, AttemptEnd::device_failed, 1), Verdict::retried);
  EXPECT_TRUE(state.statistics()[first.device].is_healthy);
  const auto second = state.start(1).value();
  EXPECT_NE(second.device, first.device);
  EXPECT_EQ(state.end(second, AttemptEnd::device_failed, 2), Verdict::retried);
  const auto third = state.start(2).value();
  EXPECT_EQ(state.end(third, AttemptEnd::device_failed, 3), Verdict::failed);
}

TEST(PoolState, ARetiredDeviceIsCheckedEverLessOftenAndComesBack) {
  PoolState state(devices({1}), {.check_interval_s = 1, .max_check_interval_s = 3, .give_up_s = 100});
  state.add(1);
  EXPECT_EQ(state.end(state.start(0).value(), AttemptEnd::device_failed, 0), Verdict::retried);
  EXPECT_FALSE(state.start(0.5));
  std::vector<double> checks;
  while (checks.size() < 4) {
    const double now = state.next_event();
    ASSERT_TRUE(state.start_check(now));
    EXPECT_FALSE(state.start_check(now));
    checks.push_back(now);
    state.checked(0, checks.size() == 4, now);
  }
  EXPECT_EQ(checks, (std::vector<double>{1, 3, 6, 9}));
  EXPECT_TRUE(state.start(9));
  EXPECT_EQ(state.statistics()[0].n_retired, 1);
}

TEST(PoolState, TasksAreGivenUpWhenNoDeviceWorksForLong) {
  PoolState state(devices({1}), {.give_up_s = 5});
  state.add(1);
  state.add(2);
  state.end(state.start(1).value(), AttemptEnd::device_failed, 2);
  EXPECT_FALSE(state.give_up(6.9));
  EXPECT_EQ(state.give_up(7), TaskId{1});
  EXPECT_EQ(state.give_up(7), TaskId{2});
  EXPECT_FALSE(state.give_up(7));
}

TEST(PoolState, WhatAnswersTooLateIsDropped) {
  PoolState state(devices({1, 1}), {.timeout_s = 2});
  state.add(1);
  const auto slow = state.start(0).value();
  EXPECT_FALSE(state.expire(1.9));
  const auto expired = state.expire(2);
  ASSERT_TRUE(expired);
  EXPECT_EQ(expired->verdict, Verdict::retried);
  const auto quick = state.start(2).value();
  EXPECT_NE(quick.device, slow.device);
  EXPECT_FALSE(state.start_check(50)) << "its slot is taken until it ends";
  EXPECT_EQ(state.end(slow, AttemptEnd::answered, 3), Verdict::late);
  EXPECT_EQ(state.end(quick, AttemptEnd::answered, 3), Verdict::answered);
  EXPECT_EQ(state.start_check(50), slow.device);
  EXPECT_EQ(state.statistics()[slow.device].n_late, 1);
  EXPECT_EQ(state.statistics()[slow.device].busy_s, 3);
}

}  // namespace
}  // namespace tidemill
