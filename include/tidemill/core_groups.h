// Processors in groups, so that several engines share a machine without sharing cores.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace tidemill {

// Sockets that this process may run on; at least 1.
int n_sockets();

// The processors that this process may run on (numbers of the system) in `n_groups` groups of nearly one size.  With as
// many groups as sockets or a multiple no group lies on two sockets.  With more groups than processors some share one.
// Throws invalid_argument below 1.
std::vector<std::vector<int>> core_groups(int n_groups);

// Calls `work` on a thread that stays on these processors, as all threads do that it starts: an engine that is loaded
// there computes there, and its memory is theirs.  Where the system refuses, it runs anywhere.  Throws what `work`
// throws, and io when the system gives no thread.
void run_on_processors(std::span<const int> processors, const std::function<void()>& work);

}  // namespace tidemill
