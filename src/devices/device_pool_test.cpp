// The pool's threads: scripted devices that throw, hang and come back.  Worth running under the thread sanitizer.
#include "tidemill/device_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

#include "sys/random.h"

namespace tidemill {
namespace {

// What all devices of a test share.
struct Stage {
  std::atomic<int> n_running = 0;
  std::atomic<int> most_running = 0;
};

class ScriptedDevice : public Device {
 public:
  ScriptedDevice(Stage& stage, std::string name, int slots, uint64_t seed, double failing)
      : stage_(stage), name_(std::move(name)), slots_(slots), failing_(failing), random_(seed) {}

  std::string name() const override { return name_; }
  int slots() const override { return slots_; }
  bool check() override {
    is_dead_ = chance() < 0.3;
    if (chance() < 0.2) throw std::runtime_error("cannot even be checked");
    return !is_dead_;
  }
  void interrupt() override { is_interrupted_ = true; }

  int square(int value) {
    const int n = ++stage_.n_running;
    for (int most = stage_.most_running; n > most && !stage_.most_running.compare_exchange_weak(most, n);) {
    }
    struct Leaving {
      Stage& stage;
      ~Leaving() { --stage.n_running; }
    } leaving{stage_};
    const double luck = chance();
    if (luck < failing_ / 4) is_dead_ = true;
    if (is_dead_ || luck < failing_) throw Error(ErrorCode::internal, name_ + ": failed");
    if (luck > 1 - failing_ / 8) hang();
    return value * value;
  }

 private:
  double chance() {
    const std::lock_guard lock(mutex_);
    return random_.uniform();
  }
  // Until the pool has lost patience; then it answers all the same.
  void hang() {
    is_interrupted_ = false;
    for (int ms = 0; ms < 200 && !is_interrupted_; ++ms) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  Stage& stage_;
  const std::string name_;
  const int slots_;
  const double failing_;
  std::mutex mutex_;
  Random random_;
  std::atomic<bool> is_dead_ = false;
  std::atomic<bool> is_interrupted_ = false;
};

int square_on(Device& device, int value) {
  return dynamic_cast<ScriptedDevice&>(device).square(value);
}

TEST(DevicePool, NothingIsLostOrAnsweredTwiceWhenDevicesFail) {
  constexpr int kTasks = 400;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    Stage stage;
    std::vector<std::unique_ptr<Device>> devices;
    for (int index = 0; index < 3; ++index)
      devices.push_back(std::make_unique<ScriptedDevice>(stage, "d" + std::to_string(index), 1 + index % 2,
                                                         seed * 10 + static_cast<uint64_t>(index), 0.1));
    std::mutex mutex;
    std::map<int, int> n_ends;
    int n_answered = 0;
    {
      DevicePool pool(std::move(devices), {.balance = static_cast<Balance>(seed % 4),
                                           .max_attempts = 5,
                                           .timeout_s = 0.05,
                                           .check_interval_s = 0.001,
                                           .max_check_interval_s = 0.004,
                                           .seed = seed});
      for (int value = 0; value < kTasks; ++value)
        pool.submit(
            [&, value](Device& device) -> DevicePool::Answer {
              const int result = square_on(device, value);
              return [&, value, result] {
                EXPECT_EQ(result, value * value);
                const std::lock_guard lock(mutex);
                ++n_ends[value];
                ++n_answered;
              };
            },
            [&, value](const std::exception_ptr& problem) {
              EXPECT_TRUE(problem);
              const std::lock_guard lock(mutex);
              ++n_ends[value];
            });
      pool.wait();
      int64_t n_counted = 0;
      for (const DeviceStatistics& one : pool.statistics()) n_counted += one.n_answered;
      const std::lock_guard lock(mutex);
      EXPECT_EQ(n_counted, n_answered);
      EXPECT_GT(n_answered, kTasks * 9 / 10);
      ASSERT_EQ(n_ends.size(), kTasks);
      for (const auto& [value, n] : n_ends) EXPECT_EQ(n, 1) << value;
    }
    EXPECT_EQ(stage.n_running, 0);
    EXPECT_LE(stage.most_running, 4);
  }
}

std::vector<std::unique_ptr<Device>> sound_devices(Stage& stage, int n) {
  std::vector<std::unique_ptr<Device>> devices;
  for (int index = 0; index < n; ++index)
    devices.push_back(std::make_unique<ScriptedDevice>(stage, "d" + std::to_string(index), 1, 1, 0));
  return devices;
}

TEST(DevicePool, AFutureGivesTheValueOrTheError) {
  Stage stage;
  DevicePool pool(sound_devices(stage, 2));
  EXPECT_EQ(pool.run([](Device& device) { return square_on(device, 12); }).get(), 144);
  auto wrong = pool.run([](Device&) -> int { throw Error(ErrorCode::invalid_argument, "text: is none"); });
  EXPECT_THROW(wrong.get(), Error);
  for (const DeviceStatistics& one : pool.statistics()) {
    EXPECT_TRUE(one.is_healthy) << "a task that makes no sense is no fault of a device";
    EXPECT_EQ(one.n_retired, 0);
  }
}

TEST(DevicePool, AWrongTaskIsTriedOnceAndABrokenDeviceAsOftenAsAllowed) {
  Stage stage;
  DevicePool pool(sound_devices(stage, 3), {.max_attempts = 3, .check_interval_s = 0.001});
  std::atomic<int> n_calls = 0;
  auto wrong = pool.run([&](Device&) -> int {
    ++n_calls;
    throw Error(ErrorCode::bad_file, "x: is damaged");
  });
  EXPECT_THROW(wrong.get(), Error);
  EXPECT_EQ(n_calls, 1);
  auto broken = pool.run([&](Device&) -> int {
    ++n_calls;
    throw std::runtime_error("device is gone");
  });
  EXPECT_THROW(broken.get(), std::runtime_error);
  EXPECT_EQ(n_calls, 4);
}

TEST(DevicePool, WorkInFlightIsBounded) {
  Stage stage;
  DevicePool pool(sound_devices(stage, 1), {.max_in_flight = 3});
  std::promise<void> gate;
  const std::shared_future<void> opened = gate.get_future();
  std::atomic<int> n_submitted = 0;
  std::thread caller([&] {
    for (int i = 0; i < 6; ++i) {
      pool.submit(
          [opened](Device&) -> DevicePool::Answer {
            opened.wait();
            return nullptr;
          },
          nullptr);
      ++n_submitted;
    }
  });
  while (n_submitted < 3) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(n_submitted, 3);
  gate.set_value();
  caller.join();
  pool.wait();
  EXPECT_EQ(pool.statistics()[0].n_answered, 6);
}

TEST(DevicePool, WhatWaitsWhenThePoolEndsIsCancelled) {
  Stage stage;
  std::atomic<int> n_cancelled = 0;
  std::atomic<int> n_answered = 0;
  {
    DevicePool pool(sound_devices(stage, 1), {.max_in_flight = 10});
    for (int i = 0; i < 10; ++i)
      pool.submit(
          [&](Device&) -> DevicePool::Answer {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            return [&] { ++n_answered; };
          },
          [&](const std::exception_ptr&) { ++n_cancelled; });
  }
  EXPECT_EQ(n_answered + n_cancelled, 10);
  EXPECT_GT(n_cancelled, 5);
}

TEST(DevicePool, OptionsOutOfRangeAreRefused) {
  Stage stage;
  EXPECT_THROW(DevicePool({}, {}), Error);
  EXPECT_THROW(DevicePool(sound_devices(stage, 1), {.max_attempts = 0}), Error);
  EXPECT_THROW(DevicePool(sound_devices(stage, 1), {.timeout_s = -1}), Error);
  EXPECT_THROW(DevicePool(sound_devices(stage, 1), {.check_interval_s = 0}), Error);
}

}  // namespace
}  // namespace tidemill
