// What a device pool decides, without its threads: which task runs where, what becomes of it when it fails, who is
// retired and who comes back.  Time is an argument, so that tests replay any course of events.
//
// A task is in the queue, or has one attempt that counts, or is gone.  `end` of any other attempt is late: that is all
// there is to "answered once".
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "sys/random.h"
#include "tidemill/device_pool.h"

namespace tidemill {

using TaskId = uint64_t;

struct Attempt {
  TaskId task = 0;
  uint64_t number = 0;  // of all attempts of the pool
  size_t device = 0;
};

// How an attempt went.
enum class AttemptEnd : uint8_t { answered, device_failed, task_failed };

// What becomes of the task.
enum class Verdict : uint8_t {
  answered,  // the answer counts
  failed,    // the failure counts: the task itself is wrong, or was tried as often as it may be
  retried,   // it waits for another device
  late,      // this attempt had been given up; its task is somebody else's
};

struct Expired {
  Attempt attempt;
  Verdict verdict;  // failed or retried
};

// Not thread-safe.  Times are seconds on any clock that does not go back.
class PoolState {
 public:
  PoolState(std::vector<DeviceStatistics> devices, const DevicePoolOptions& options);

  void add(TaskId task);
  // Takes the first task of the queue that a device should run now; nothing when none should.
  std::optional<Attempt> start(double now);
  // An attempt of `start` has ended, also one that has expired.
  Verdict end(const Attempt& attempt, AttemptEnd how, double now);
  // Gives up attempts that have taken too long, one a call; the slot stays taken until `end`.
  std::optional<Expired> expire(double now);
  // A retired device with a free slot that is to be checked now; the slot is taken until `checked`.
  std::optional<size_t> start_check(double now);
  void checked(size_t device, bool works, double now);
  // A task that has waited too long for any device to work; it is gone.
  std::optional<TaskId> give_up(double now);
  // Empties the queue.
  std::vector<TaskId> take_waiting();

  // When expire, start_check or give_up will have something to do at the earliest; infinity when only other calls can
  // bring it about.
  double next_event() const;
  const std::vector<DeviceStatistics>& statistics() const { return statistics_; }

 private:
  struct Waiting {
    TaskId id = 0;
    int n_attempts = 0;
    std::vector<size_t> tried = {};  // devices
  };
  struct Running {
    Waiting task;
    size_t device = 0;
    double since = 0;
  };
  struct Health {
    int n_failures = 0;  // one after another
    int n_busy = 0;      // slots: attempts and checks
    double next_check = 0;
    double interval = 0;
    bool is_checked = false;  // now
  };

  Attempt begin(Waiting&& task, size_t device, double now);
  bool is_free(size_t device) const;
  bool any_free() const;
  std::vector<size_t> devices_for(const Waiting& task) const;
  std::optional<size_t> choose(const Waiting& task);
  size_t next_in_turn(const std::vector<size_t>& free);
  size_t least_loaded(const std::vector<size_t>& free) const;
  std::optional<size_t> quickest(const std::vector<size_t>& free, const std::vector<size_t>& possible) const;
  double others_need(size_t device, const std::vector<size_t>& possible) const;
  Verdict try_again(Waiting&& task);
  void count_failure(size_t device, double now);
  void retire(size_t device, double now);
  bool any_healthy() const;

  DevicePoolOptions options_;
  std::vector<DeviceStatistics> statistics_;
  std::vector<Health> health_;
  std::deque<Waiting> queue_;
  std::map<uint64_t, Running> running_;  // attempts that count, by number
  std::map<uint64_t, double> expired_;   // attempts that do not, and when they began
  std::optional<double> none_since_;     // no device has been healthy since
  uint64_t n_attempts_ = 0;
  size_t turn_ = 0;
  Random random_;
};

}  // namespace tidemill
