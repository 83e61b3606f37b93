// Fetches the weights of a task's next block of k while tiles compute with the present one.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backends/cpu/fetch.h"
#include "backends/cpu/task.h"

namespace tidemill {

// The same stretch of each of a task's panels, fetched in equal steps: a burst of requests would fill the buffers in
// which the tile's own loads wait for their lines.  Steps are of whole lines of cache, and empty when all is fetched,
// so that the processor guesses their loop right.
class Prefetcher {
 public:
  // `next`: where each panel goes on; `size_bytes` of each are fetched within `n_steps` calls of `step`.
  Prefetcher(const uint8_t* const (&next)[kTaskPanels], int64_t size_bytes, int64_t n_steps)
      : size_bytes_(size_bytes),
        bytes_per_step_((size_bytes / n_steps + kVectorBytes - 1) / kVectorBytes * kVectorBytes) {
    std::copy_n(next, kTaskPanels, next_);
  }

  void step() {
    const int64_t end = std::min(size_bytes_, at_ + bytes_per_step_);
    for (; at_ < end; at_ += kVectorBytes) {
      for (const uint8_t* panel : next_) __builtin_prefetch(panel + at_, 0, kSecondLevelCache);
    }
  }

 private:
  const uint8_t* next_[kTaskPanels];
  int64_t size_bytes_, bytes_per_step_;
  int64_t at_ = 0;
};

}  // namespace tidemill
