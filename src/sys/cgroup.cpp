#include "sys/cgroup.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "sys/proc_file.h"

namespace tidemill {
namespace {

// The names that the two versions give to the same thing.
struct MemoryFiles {
  const char* limit;
  const char* usage;
  const char* active_file;  // lines of memory.stat: page cache of the group and those below it
  const char* inactive_file;
};
constexpr MemoryFiles kMemoryV1{"/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_active_file ",
                                "total_inactive_file "};
constexpr MemoryFiles kMemoryV2{"/memory.max", "/memory.current", "active_file ", "inactive_file "};

std::optional<int64_t> number_in(const std::string& path) {
  const auto text = read_proc_file(path);
  return text ? leading_number(*text) : std::nullopt;
}

template <typename T>
void tighten(std::optional<T>& limit, std::optional<T> other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

// Version 2 spells no limit "max", which is no number; version 1 an enormous number.
std::optional<int64_t> memory_left(const std::string& folder, const MemoryFiles& files) {
  const auto limit = number_in(folder + files.limit);
  const auto usage = number_in(folder + files.usage);
  if (!limit || !usage || *limit >= int64_t{1} << 60) return std::nullopt;
  // Page cache counts as used, but the kernel drops it before it refuses memory: MemAvailable reckons the same way.
  int64_t reclaimable = 0;
  if (const auto stat = read_proc_file(folder + "/memory.stat")) {
    for (const char* key : {files.active_file, files.inactive_file}) {
      const auto line = line_after(*stat, key);
      reclaimable += std::max<int64_t>(line ? leading_number(*line).value_or(0) : 0, 0);
    }
  }
  return std::clamp<int64_t>(*limit - (*usage - std::min(reclaimable, *usage)), 0, *limit);
}

std::optional<double> ratio(std::optional<int64_t> quota, std::optional<int64_t> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> cpus_v1(const std::string& folder) {
  return ratio(number_in(folder + "/cpu.cfs_quota_us"), number_in(folder + "/cpu.cfs_period_us"));
}

// "150000 100000": quota and period in microseconds, or "max 100000".
std::optional<double> cpus_v2(const std::string& folder) {
  const auto text = read_proc_file(folder + "/cpu.max");
  if (!text) return std::nullopt;
  const size_t blank = std::min(text->find(' '), text->size());
  return ratio(leading_number(*text), leading_number(std::string_view(*text).substr(blank)));
}

// The folders of a group and of all groups above it.  In a container the group's path may be the host's, which is not
// to be seen here; the reads of such folders find nothing and the root's, which is the container's own, counts.
std::vector<std::string> folders_up_to_root(const std::string& root, std::string group) {
  std::vector<std::string> folders;
  while (!group.empty() && group != "/") {
    folders.push_back(root + group);
    group.erase(group.rfind('/'));
  }
  folders.push_back(root);
  return folders;
}

bool lists(std::string_view controllers, std::string_view name) {
  while (!controllers.empty()) {
    const std::string_view first = controllers.substr(0, controllers.find(','));
    if (first == name) return true;
    controllers.remove_prefix(std::min(first.size() + 1, controllers.size()));
  }
  return false;
}

}  // namespace

CgroupLimits read_cgroup_limits(const std::string& groups_of_process, const std::string& root) {
  CgroupLimits limits;
  const auto groups = read_proc_file(groups_of_process);
  if (!groups) return limits;
  // A line is "hierarchy:controllers:/group"; version 2 has no controllers.
  for (std::string_view rest = *groups; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos || !line.substr(second + 1).starts_with('/')) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string group(line.substr(second + 1));
    if (controllers.empty()) {
      for (const std::string& folder : folders_up_to_root(root, group)) {
        tighten(limits.n_cpus, cpus_v2(folder));
        tighten(limits.memory_left_bytes, memory_left(folder, kMemoryV2));
      }
    }
    if (lists(controllers, "cpu")) {
      for (const std::string& folder : folders_up_to_root(root + "/cpu", group))
        tighten(limits.n_cpus, cpus_v1(folder));
    }
    if (lists(controllers, "memory")) {
      for (const std::string& folder : folders_up_to_root(root + "/memory", group)) {
        tighten(limits.memory_left_bytes, memory_left(folder, kMemoryV1));
      }
    }
  }
  return limits;
}

}  // namespace tidemill
