// The arithmetic of core groups; the public side is tidemill/core_groups.h.
#pragma once

#include <string>
#include <vector>

#include "tidemill/core_groups.h"

namespace tidemill {

struct Processor {
  int number = 0;
  int socket = 0;
};

// Those that this process may run on.  `root` is a parameter for tests only.
std::vector<Processor> usable_processors(const std::string& root = "/sys/devices/system/cpu");

// Groups are empty where there are no processors.
std::vector<std::vector<int>> grouped_processors(std::vector<Processor> processors, int n_groups);

}  // namespace tidemill
