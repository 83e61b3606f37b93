// Memory of the system and of this process.
#include <sys/resource.h>

#include <algorithm>
#include <optional>
#include <string>

#include "sys/cgroup.h"
#include "sys/proc_file.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

// A "Key:  123 kB" line of `path` in bytes.
std::optional<int64_t> kibibytes_in(const std::string& path, std::string_view key) {
  const auto text = read_proc_file(path);
  const auto line = text ? line_after(*text, key) : std::nullopt;
  const auto number = line ? leading_number(*line) : std::nullopt;
  if (!number || *number < 0 || *number > INT64_MAX / 1024) return std::nullopt;
  return *number * 1024;
}

}  // namespace

int64_t available_memory_bytes() {
  const auto of_system = kibibytes_in("/proc/meminfo", "MemAvailable:");
  const auto of_group = read_cgroup_limits().memory_left_bytes;
  if (of_system && of_group) return std::min(*of_system, *of_group);
  return of_system.value_or(of_group.value_or(0));
}

int64_t peak_rss_bytes() {
  // Preferred over getrusage, whose figure a process inherits from the one that started it.
  if (const auto peak = kibibytes_in("/proc/self/status", "VmHWM:")) return *peak;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace tidemill
