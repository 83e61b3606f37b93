// The pool's threads: one for each slot of each device, which run attempts and checks, and one that looks at the clock.
// All decisions are PoolState's, under one mutex; devices, answers and failures are called without it.
#include "tidemill/device_pool.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "devices/pool_state.h"
#include "tidemill/stopwatch.h"

namespace tidemill {
namespace {

void expect(bool holds, const std::string& what) {
  if (!holds) throw Error(ErrorCode::invalid_argument, "device pool: " + what);
}

void validate(const std::vector<std::unique_ptr<Device>>& devices, const DevicePoolOptions& options) {
  expect(!devices.empty(), "there is no device; give at least one");
  for (const auto& device : devices)
    expect(device->slots() >= 1 && device->slots() <= 1024, device->name() + ": slots must be from 1 to 1024");
  expect(options.max_in_flight >= 0, "max_in_flight must not be negative");
  expect(options.max_attempts >= 1, "max_attempts must be at least 1");
  expect(options.failures_to_retire >= 1, "failures_to_retire must be at least 1");
  expect(options.timeout_s >= 0 && options.give_up_s >= 0, "times must not be negative");
  expect(options.check_interval_s > 0 && options.max_check_interval_s >= options.check_interval_s,
         "check_interval_s must be above 0 and at most max_check_interval_s");
}

std::vector<DeviceStatistics> names_and_slots(const std::vector<std::unique_ptr<Device>>& devices) {
  std::vector<DeviceStatistics> list;
  for (const auto& device : devices) list.push_back({.name = device->name(), .slots = device->slots()});
  return list;
}

// What a thread of a device has to do.
struct Job {
  Attempt attempt;
  bool is_check = false;
};

AttemptEnd how_it_ended(const std::exception_ptr& problem) {
  if (!problem) return AttemptEnd::answered;
  try {
    std::rethrow_exception(problem);
  } catch (const Error& error) {
    return fails_anywhere(error.code()) ? AttemptEnd::task_failed : AttemptEnd::device_failed;
  } catch (...) {
    return AttemptEnd::device_failed;
  }
}

}  // namespace

bool fails_anywhere(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::not_found:
    case ErrorCode::bad_file:
    case ErrorCode::unsupported:
    case ErrorCode::context_full:
    case ErrorCode::cancelled:
      return true;
    default:
      return false;
  }
}

class DevicePool::Impl {
 public:
  Impl(std::vector<std::unique_ptr<Device>> devices, const DevicePoolOptions& options);
  ~Impl();

  void submit(Task task, Failure on_failure);
  void wait();
  std::vector<DeviceStatistics> statistics() const;

 private:
  struct Entry {
    Task task;
    Failure on_failure;
  };
  using Lock = std::unique_lock<std::mutex>;

  double now() const { return clock_.seconds(); }
  void start_threads();
  void serve(size_t device);
  void watch();
  void assign();
  void run(Lock& lock, const Attempt& attempt);
  void check(Lock& lock, size_t device);
  void expire(Lock& lock);
  void fail(Lock& lock, TaskId task, const std::exception_ptr& problem);
  void leave(TaskId task);

  const std::vector<std::unique_ptr<Device>> devices_;
  DevicePoolOptions options_;
  Stopwatch clock_;
  mutable std::mutex mutex_;
  PoolState state_;
  std::vector<std::deque<Job>> jobs_;                                 // by device: never more than it has free slots
  std::unordered_map<TaskId, std::shared_ptr<const Entry>> entries_;  // in flight
  TaskId n_tasks_ = 0;
  bool is_ending_ = false;
  std::condition_variable has_job_;
  std::condition_variable has_room_;  // and: something has left
  std::condition_variable has_event_;
  std::vector<std::thread> threads_;
};

DevicePool::Impl::Impl(std::vector<std::unique_ptr<Device>> devices, const DevicePoolOptions& options)
    : devices_(std::move(devices)),
      options_(options),
      state_(names_and_slots(devices_), options),
      jobs_(devices_.size()) {
  if (options_.max_in_flight == 0)
    for (const auto& device : devices_) options_.max_in_flight += 2 * device->slots();
  start_threads();
}

void DevicePool::Impl::start_threads() {
  for (size_t device = 0; device < devices_.size(); ++device)
    for (int slot = 0; slot < devices_[device]->slots(); ++slot)
      threads_.emplace_back([this, device] { serve(device); });
  threads_.emplace_back([this] { watch(); });
}

DevicePool::Impl::~Impl() {
  {
    const Lock lock(mutex_);
    is_ending_ = true;
  }
  has_job_.notify_all();
  has_event_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  Lock lock(mutex_);
  const auto problem = std::make_exception_ptr(Error(ErrorCode::cancelled, "device pool: ends before this task began"));
  for (const TaskId task : state_.take_waiting()) fail(lock, task, problem);
}

void DevicePool::Impl::submit(Task task, Failure on_failure) {
  Lock lock(mutex_);
  has_room_.wait(lock, [&] { return static_cast<int64_t>(entries_.size()) < options_.max_in_flight; });
  const TaskId id = n_tasks_++;
  entries_.emplace(id, std::make_shared<const Entry>(Entry{std::move(task), std::move(on_failure)}));
  state_.add(id);
  assign();
}

void DevicePool::Impl::wait() {
  Lock lock(mutex_);
  has_room_.wait(lock, [&] { return entries_.empty(); });
}

std::vector<DeviceStatistics> DevicePool::Impl::statistics() const {
  const Lock lock(mutex_);
  return state_.statistics();
}

// Gives devices what they should do now.  Whoever changes the state calls it.
void DevicePool::Impl::assign() {
  if (is_ending_) return;
  while (const auto attempt = state_.start(now())) jobs_[attempt->device].push_back({.attempt = *attempt});
  has_job_.notify_all();
  has_event_.notify_one();
}

void DevicePool::Impl::serve(size_t device) {
  Lock lock(mutex_);
  while (true) {
    has_job_.wait(lock, [&] { return is_ending_ || !jobs_[device].empty(); });
    if (jobs_[device].empty()) return;
    const Job job = jobs_[device].front();
    jobs_[device].pop_front();
    if (job.is_check) {
      check(lock, device);
    } else {
      run(lock, job.attempt);
    }
    assign();
  }
}

void DevicePool::Impl::run(Lock& lock, const Attempt& attempt) {
  const auto found = entries_.find(attempt.task);
  if (found == entries_.end()) {  // given up and done elsewhere before this thread woke
    state_.end(attempt, AttemptEnd::device_failed, now());
    return;
  }
  std::shared_ptr<const Entry> entry = found->second;
  lock.unlock();
  Answer answer;
  std::exception_ptr problem;
  try {
    answer = entry->task(*devices_[attempt.device]);
  } catch (...) {
    problem = std::current_exception();
  }
  lock.lock();
  switch (state_.end(attempt, how_it_ended(problem), now())) {
    case Verdict::answered:
      lock.unlock();
      if (answer) answer();
      answer = nullptr;
      entry.reset();
      lock.lock();
      leave(attempt.task);
      break;
    case Verdict::failed:
      fail(lock, attempt.task, problem);
      break;
    case Verdict::retried:
    case Verdict::late:
      break;
  }
}

void DevicePool::Impl::check(Lock& lock, size_t device) {
  lock.unlock();
  bool works = false;
  try {
    works = devices_[device]->check();
  } catch (...) {  // means no
  }
  lock.lock();
  state_.checked(device, works, now());
}

void DevicePool::Impl::watch() {
  Lock lock(mutex_);
  while (!is_ending_) {
    expire(lock);
    while (const auto device = state_.start_check(now())) jobs_[*device].push_back({.attempt = {}, .is_check = true});
    while (const auto task = state_.give_up(now()))
      fail(lock, *task,
           std::make_exception_ptr(Error(ErrorCode::io, "device pool: no device works; look at what they report")));
    assign();
    const double seconds = state_.next_event() - now();
    if (is_ending_) return;
    // At most a second, for clocks and sleeping machines; nothing is lost by looking.
    if (seconds > 0) has_event_.wait_for(lock, std::chrono::duration<double>(std::min(seconds, 1.0)));
  }
}

void DevicePool::Impl::expire(Lock& lock) {
  while (const auto expired = state_.expire(now())) {
    Device& device = *devices_[expired->attempt.device];
    lock.unlock();
    device.interrupt();
    lock.lock();
    if (expired->verdict != Verdict::failed) continue;
    fail(
        lock, expired->attempt.task,
        std::make_exception_ptr(Error(ErrorCode::io, device.name() + ": took longer than it may; look at the device")));
  }
}

// Tells of a task that has no answer.
void DevicePool::Impl::fail(Lock& lock, TaskId task, const std::exception_ptr& problem) {
  std::shared_ptr<const Entry> entry = entries_.at(task);
  lock.unlock();
  if (entry->on_failure) entry->on_failure(problem);
  entry.reset();
  lock.lock();
  leave(task);
}

// Only now is a task out of flight: who waits for that finds its answer told.
void DevicePool::Impl::leave(TaskId task) {
  entries_.erase(task);
  has_room_.notify_all();
}

DevicePool::DevicePool(std::vector<std::unique_ptr<Device>> devices, const DevicePoolOptions& options) {
  validate(devices, options);
  impl_ = std::make_unique<Impl>(std::move(devices), options);
}
DevicePool::~DevicePool() = default;

void DevicePool::submit(Task task, Failure on_failure) {
  impl_->submit(std::move(task), std::move(on_failure));
}
void DevicePool::wait() {
  impl_->wait();
}
std::vector<DeviceStatistics> DevicePool::statistics() const {
  return impl_->statistics();
}

}  // namespace tidemill
