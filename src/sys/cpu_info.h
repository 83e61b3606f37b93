// Reading what Linux tells about the processor; the public side is `cpu_info()` of tidemill/system.h.
#pragma once

#include <string_view>
#include <vector>

#include "tidemill/system.h"

namespace tidemill {

// Name and features out of the text of /proc/cpuinfo; `n_cores` is left alone.
CpuInfo parse_cpuinfo(std::string_view text);

// The processors that the scheduler may put this thread on, by their numbers; empty when the system does not tell.
std::vector<int> allowed_processors();

// Processors for `n_allowed` that the scheduler may use and a quota of `n_cpus` of processor time (0: none): the quota
// rounded down, because threads beyond it only take turns at being stopped; at least 1.
int usable_cores(int n_allowed, double n_cpus);

}  // namespace tidemill
