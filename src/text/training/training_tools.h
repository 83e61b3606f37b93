// What trainers are given by their caller: threads, and someone who watches.
#pragma once

#include <cstddef>
#include <functional>

namespace tidemill {

// Is told now and then which share of the work, in [0, 1], is done.  May throw to end it.
using TrainingMonitor = std::function<void(double share)>;

// Calls body(0) ... body(n - 1), in any order and on any threads, and returns when all are done.  May throw to end the
// work, and throws what a body throws.
using RunParts = std::function<void(size_t n, const std::function<void(size_t part)>& body)>;

}  // namespace tidemill
