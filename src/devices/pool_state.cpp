#include "devices/pool_state.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace tidemill {

PoolState::PoolState(std::vector<DeviceStatistics> devices, const DevicePoolOptions& options)
    : options_(options), statistics_(std::move(devices)), health_(statistics_.size()), random_(options.seed) {}

void PoolState::add(TaskId task) {
  queue_.push_back({.id = task});
}

std::optional<Attempt> PoolState::start(double now) {
  if (!any_free()) return std::nullopt;
  // The first may have to wait for a device that others need not wait for.
  for (auto waiting = queue_.begin(); waiting != queue_.end(); ++waiting) {
    const auto device = choose(*waiting);
    if (!device) continue;
    Waiting task = std::move(*waiting);
    queue_.erase(waiting);
    return begin(std::move(task), *device, now);
  }
  return std::nullopt;
}

Attempt PoolState::begin(Waiting&& task, size_t device, double now) {
  ++task.n_attempts;
  task.tried.push_back(device);
  const Attempt attempt{.task = task.id, .number = n_attempts_++, .device = device};
  running_.emplace(attempt.number, Running{.task = std::move(task), .device = device, .since = now});
  ++health_[device].n_busy;
  ++statistics_[device].n_running;
  return attempt;
}

Verdict PoolState::end(const Attempt& attempt, AttemptEnd how, double now) {
  DeviceStatistics& statistics = statistics_[attempt.device];
  --health_[attempt.device].n_busy;
  --statistics.n_running;
  if (const auto late = expired_.find(attempt.number); late != expired_.end()) {
    statistics.busy_s += now - late->second;
    if (how == AttemptEnd::answered) ++statistics.n_late;
    expired_.erase(late);
    return Verdict::late;
  }
  auto node = running_.extract(attempt.number);
  Running& run = node.mapped();
  const double seconds = now - run.since;
  statistics.busy_s += seconds;
  if (how == AttemptEnd::device_failed) {
    count_failure(attempt.device, now);
    return try_again(std::move(run.task));
  }
  health_[attempt.device].n_failures = 0;
  if (how == AttemptEnd::task_failed) return Verdict::failed;
  // A quarter of the latest: follows a device that grows slower within a few tasks, and one slow task changes little.
  constexpr double kNewest = 0.25;
  statistics.latency_s =
      statistics.n_answered == 0 ? seconds : statistics.latency_s + kNewest * (seconds - statistics.latency_s);
  ++statistics.n_answered;
  return Verdict::answered;
}

std::optional<Expired> PoolState::expire(double now) {
  if (options_.timeout_s <= 0) return std::nullopt;
  // By their numbers attempts are in the order in which they began.
  if (running_.empty() || now < running_.begin()->second.since + options_.timeout_s) return std::nullopt;
  auto node = running_.extract(running_.begin());
  Running& run = node.mapped();
  expired_.emplace(node.key(), run.since);
  ++statistics_[run.device].n_timeouts;
  ++statistics_[run.device].n_failed;
  retire(run.device, now);
  const Attempt attempt{.task = run.task.id, .number = node.key(), .device = run.device};
  return Expired{.attempt = attempt, .verdict = try_again(std::move(run.task))};
}

// A task that was tried already goes to the head of the queue: somebody has waited for it longest.
Verdict PoolState::try_again(Waiting&& task) {
  if (task.n_attempts >= options_.max_attempts) return Verdict::failed;
  queue_.push_front(std::move(task));
  return Verdict::retried;
}

void PoolState::count_failure(size_t device, double now) {
  ++statistics_[device].n_failed;
  if (++health_[device].n_failures >= options_.failures_to_retire) retire(device, now);
}

void PoolState::retire(size_t device, double now) {
  if (!statistics_[device].is_healthy) return;
  statistics_[device].is_healthy = false;
  ++statistics_[device].n_retired;
  health_[device].n_failures = 0;
  health_[device].interval = options_.check_interval_s;
  health_[device].next_check = now + options_.check_interval_s;
  if (!any_healthy()) none_since_ = now;
}

std::optional<size_t> PoolState::start_check(double now) {
  for (size_t device = 0; device < health_.size(); ++device) {
    Health& health = health_[device];
    const bool has_slot = health.n_busy < statistics_[device].slots;
    if (statistics_[device].is_healthy || health.is_checked || !has_slot || now < health.next_check) continue;
    health.is_checked = true;
    ++health.n_busy;
    return device;
  }
  return std::nullopt;
}

void PoolState::checked(size_t device, bool works, double now) {
  Health& health = health_[device];
  health.is_checked = false;
  --health.n_busy;
  if (works) {
    statistics_[device].is_healthy = true;
    none_since_.reset();
  } else {
    health.interval = std::min(2 * health.interval, options_.max_check_interval_s);
    health.next_check = now + health.interval;
  }
}

std::optional<TaskId> PoolState::give_up(double now) {
  if (!none_since_ || queue_.empty() || now < *none_since_ + options_.give_up_s) return std::nullopt;
  const TaskId task = queue_.front().id;
  queue_.pop_front();
  return task;
}

std::vector<TaskId> PoolState::take_waiting() {
  std::vector<TaskId> tasks;
  for (const Waiting& task : queue_) tasks.push_back(task.id);
  queue_.clear();
  return tasks;
}

double PoolState::next_event() const {
  double next = std::numeric_limits<double>::infinity();
  if (options_.timeout_s > 0 && !running_.empty()) next = running_.begin()->second.since + options_.timeout_s;
  if (none_since_ && !queue_.empty()) next = std::min(next, *none_since_ + options_.give_up_s);
  for (size_t device = 0; device < health_.size(); ++device) {
    const Health& health = health_[device];
    const bool may_check = !health.is_checked && health.n_busy < statistics_[device].slots;
    if (!statistics_[device].is_healthy && may_check) next = std::min(next, health.next_check);
  }
  return next;
}

bool PoolState::any_healthy() const {
  return std::ranges::any_of(statistics_, [](const DeviceStatistics& one) { return one.is_healthy; });
}

}  // namespace tidemill
