// DevicePool: tasks over devices of any kind (groups of cores, GPUs, processes, machines), each of which may fail.
//
// A task is answered once, whatever happens to devices: one that fails or takes too long is retired, its task goes to
// another, and what it answers later is dropped.  A retired device is checked now and then and comes back when it
// works.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidemill/error.h"

namespace tidemill {

// Which of the devices that could take a task gets it.
enum class Balance : uint8_t {
  round_robin,   // one after another
  least_loaded,  // the one with the smallest share of its slots taken, then the one that has done the least
  performance,   // the one whose tasks took the least time lately; a slow one only when that ends the work sooner
  random,
};

struct DevicePoolOptions {
  Balance balance = Balance::least_loaded;
  int64_t max_in_flight = 0;      // tasks that wait or run; `submit` waits while there are as many; 0: 2 for each slot
  int max_attempts = 3;           // of one task
  int failures_to_retire = 1;     // of one device, one after another
  double timeout_s = 0;           // of one attempt; 0: none
  double check_interval_s = 0.5;  // until a retired device is checked, twice as long each time that it fails
  double max_check_interval_s = 30;
  double give_up_s = 60;  // a task fails when no device has worked for so long
  uint64_t seed = 1;      // of Balance::random
};

// What does work.  Its functions are called from threads of the pool.
class Device {
 public:
  virtual ~Device() = default;
  virtual std::string name() const = 0;
  virtual int slots() const { return 1; }  // tasks that it runs at once, each on a thread of its own
  // Whether it works again; asked of a device that is retired, never while one of its tasks runs in that slot.  An
  // exception means no.
  virtual bool check() { return true; }
  // Asks what runs on it to end soon: a task takes longer than it may.  Called while `run`s are under way.
  virtual void interrupt() {}
};

struct DeviceStatistics {
  std::string name;
  int slots = 1;
  bool is_healthy = true;
  int n_running = 0;       // attempts, those among them that are too late already
  int64_t n_answered = 0;  // tasks
  int64_t n_failed = 0;    // attempts that threw or took too long
  int64_t n_timeouts = 0;  // of those, the ones that took too long
  int64_t n_late = 0;      // answers that were dropped, for another device had the task
  int64_t n_retired = 0;   // times
  double busy_s = 0;       // of all slots
  double latency_s = 0;    // of an answered task, a mean that forgets; 0 before the first
};

// All functions may be called from any thread, `submit` and `wait` not from a task, an answer or a failure.
class DevicePool {
 public:
  // What a task found, told to whoever asked: called once, on a thread of the pool.  Must not throw.
  using Answer = std::function<void()>;
  // Does the work on a device.  It may be called several times, on several devices at once even, so that it changes
  // nothing but what it returns.  What it throws is the device's fault and makes the pool try again elsewhere, save for
  // an Error whose code says that the task itself makes no sense or that nobody wants it: fails_anywhere().
  using Task = std::function<Answer(Device& device)>;
  // The last exception of a task that has no answer: called once, instead of the answer.  Must not throw.
  using Failure = std::function<void(std::exception_ptr problem)>;

  // Throws invalid_argument without devices and for options out of range.
  explicit DevicePool(std::vector<std::unique_ptr<Device>> devices, const DevicePoolOptions& options = {});
  // Tasks that wait fail as cancelled; those that run are waited for, also where they hang.
  ~DevicePool();
  DevicePool(const DevicePool&) = delete;
  DevicePool& operator=(const DevicePool&) = delete;

  // Queues a task; waits while max_in_flight tasks have no answer yet.
  void submit(Task task, Failure on_failure);
  // Waits until nothing is in flight.
  void wait();

  // The same with a future: `work(device)` gives a value, or throws.
  template <typename Work>
  auto run(Work work) -> std::future<decltype(work(std::declval<Device&>()))> {
    using Value = decltype(work(std::declval<Device&>()));
    auto promise = std::make_shared<std::promise<Value>>();
    auto future = promise->get_future();
    submit(
        [promise, work = std::move(work)](Device& device) -> Answer {
          auto value = std::make_shared<Value>(work(device));
          return [promise, value] { promise->set_value(std::move(*value)); };
        },
        [promise](std::exception_ptr problem) { promise->set_exception(std::move(problem)); });
    return future;
  }

  // Of each device, in the order in which they were given.
  std::vector<DeviceStatistics> statistics() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Whether a task that throws this would throw it on every device: wrong arguments and files, and cancelled.
bool fails_anywhere(ErrorCode code);

}  // namespace tidemill
