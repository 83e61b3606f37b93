#include "sys/core_groups.h"

#include <sched.h>

#include <algorithm>
#include <exception>
#include <set>
#include <system_error>
#include <thread>

#include "sys/cpu_info.h"
#include "sys/proc_file.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

void stay_on(std::span<const int> processors) {
  const int n_bits = *std::ranges::max_element(processors) + 1;
  cpu_set_t* const set = CPU_ALLOC(n_bits);
  if (set == nullptr) return;
  const size_t size = CPU_ALLOC_SIZE(n_bits);
  CPU_ZERO_S(size, set);
  for (const int processor : processors) CPU_SET_S(static_cast<size_t>(processor), size, set);
  ::sched_setaffinity(0, size, set);  // a wish: see the declaration
  CPU_FREE(set);
}

}  // namespace

std::vector<Processor> usable_processors(const std::string& root) {
  std::vector<Processor> processors;
  for (const int number : allowed_processors()) {
    const auto text = read_proc_file(root + "/cpu" + std::to_string(number) + "/topology/physical_package_id");
    const int64_t socket = text ? leading_number(*text).value_or(0) : 0;
    processors.push_back({.number = number, .socket = static_cast<int>(std::clamp<int64_t>(socket, 0, 1 << 20))});
  }
  return processors;
}

// Consecutive parts of the processors by socket: borders fall between sockets where the sockets are alike.
std::vector<std::vector<int>> grouped_processors(std::vector<Processor> processors, int n_groups) {
  if (n_groups < 1) throw Error(ErrorCode::invalid_argument, "core groups: there must be at least 1");
  std::ranges::stable_sort(processors, {}, &Processor::socket);
  const auto n = static_cast<int64_t>(processors.size());
  std::vector<std::vector<int>> groups(static_cast<size_t>(n_groups));
  for (int64_t index = 0; index < n_groups && n > 0; ++index) {
    const int64_t begin = n * index / n_groups;
    const int64_t end = std::max(n * (index + 1) / n_groups, begin + 1);
    for (int64_t at = begin; at < end; ++at)
      groups[static_cast<size_t>(index)].push_back(processors[static_cast<size_t>(at)].number);
  }
  return groups;
}

int n_sockets() {
  std::set<int> sockets;
  for (const Processor& processor : usable_processors()) sockets.insert(processor.socket);
  return std::max(1, static_cast<int>(sockets.size()));
}

std::vector<std::vector<int>> core_groups(int n_groups) {
  return grouped_processors(usable_processors(), n_groups);
}

void run_on_processors(std::span<const int> processors, const std::function<void()>& work) {
  std::exception_ptr problem;
  const auto serve = [&] {
    if (!processors.empty()) stay_on(processors);
    try {
      work();
    } catch (...) {
      problem = std::current_exception();
    }
  };
  try {
    std::thread(serve).join();
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::io, std::string("core groups: no thread (") + error.what() + "); look at the limits");
  }
  if (problem) std::rethrow_exception(problem);
}

}  // namespace tidemill
