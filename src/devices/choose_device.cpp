// Which device gets a task.
#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "devices/pool_state.h"

namespace tidemill {

bool PoolState::is_free(size_t device) const {
  return statistics_[device].is_healthy && health_[device].n_busy < statistics_[device].slots;
}

bool PoolState::any_free() const {
  for (size_t device = 0; device < statistics_.size(); ++device)
    if (is_free(device)) return true;
  return false;
}

// Healthy devices, free or not, that have not failed at this task; where all have, all healthy ones.
std::vector<size_t> PoolState::devices_for(const Waiting& task) const {
  std::vector<size_t> healthy;
  std::vector<size_t> untried;
  for (size_t device = 0; device < statistics_.size(); ++device) {
    if (!statistics_[device].is_healthy) continue;
    healthy.push_back(device);
    if (std::ranges::find(task.tried, device) == task.tried.end()) untried.push_back(device);
  }
  return untried.empty() ? healthy : untried;
}

std::optional<size_t> PoolState::choose(const Waiting& task) {
  const std::vector<size_t> possible = devices_for(task);
  std::vector<size_t> free;
  std::ranges::copy_if(possible, std::back_inserter(free), [&](size_t device) { return is_free(device); });
  if (free.empty()) return std::nullopt;
  switch (options_.balance) {
    case Balance::round_robin:
      return next_in_turn(free);
    case Balance::least_loaded:
      return least_loaded(free);
    case Balance::performance:
      return quickest(free, possible);
    case Balance::random:
      break;
  }
  return free[random_.next() % free.size()];
}

// The first one from the one whose turn it is.
size_t PoolState::next_in_turn(const std::vector<size_t>& free) {
  const auto found = std::ranges::find_if(free, [&](size_t device) { return device >= turn_; });
  const size_t device = found != free.end() ? *found : free.front();
  turn_ = device + 1;
  return device;
}

size_t PoolState::least_loaded(const std::vector<size_t>& free) const {
  const auto load = [&](size_t device) {
    const DeviceStatistics& one = statistics_[device];
    return std::pair(static_cast<double>(health_[device].n_busy) / one.slots, one.n_answered);
  };
  return *std::ranges::min_element(free, {}, load);
}

// A device without history comes first, so that it gets one.
std::optional<size_t> PoolState::quickest(const std::vector<size_t>& free, const std::vector<size_t>& possible) const {
  const size_t best = *std::ranges::min_element(free, {}, [&](size_t device) { return statistics_[device].latency_s; });
  // Worth its time if it is done with one task before quicker ones could be done with all.
  if (statistics_[best].latency_s <= others_need(best, possible)) return best;
  return std::nullopt;
}

// Seconds that the quicker ones of `possible` would take for all that waits and runs; infinity where there are none.
double PoolState::others_need(size_t device, const std::vector<size_t>& possible) const {
  double tasks_per_second = 0;
  for (const size_t other : possible) {
    const DeviceStatistics& one = statistics_[other];
    if (one.latency_s > 0 && one.latency_s < statistics_[device].latency_s)
      tasks_per_second += one.slots / one.latency_s;
  }
  if (tasks_per_second <= 0) return std::numeric_limits<double>::infinity();
  return static_cast<double>(queue_.size() + running_.size()) / tasks_per_second;
}

}  // namespace tidemill
