// What a container may use: the limits of this process's control groups, versions 1 and 2.
// Specification: Linux, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tidemill {

struct CgroupLimits {
  std::optional<double> n_cpus;              // processor time per time, e.g. 1.5; nothing without a limit
  std::optional<int64_t> memory_left_bytes;  // limit minus what cannot be reclaimed; 0 or more; nothing without a limit
};

// The tightest limits from this process's group up to the root.  Both paths are parameters for tests only.
CgroupLimits read_cgroup_limits(const std::string& groups_of_process = "/proc/self/cgroup",
                                const std::string& root = "/sys/fs/cgroup");

}  // namespace tidemill
