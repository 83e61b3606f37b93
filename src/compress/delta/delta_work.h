// What the work on a delta is done with.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "sys/thread_pool.h"

namespace tidemill {

struct DeltaWork {
  ThreadPool& pool;
  // Called on the caller's thread with a share in [0, 1] that grows; false ends the work.  May be empty.
  std::function<bool(double share)> on_progress = {};
};

// Counts bytes of a work whose total is known.
class DeltaProgress {
 public:
  DeltaProgress(const DeltaWork& work, std::string what, uint64_t n_total)
      : work_(work), what_(std::move(what)), n_total_(n_total) {}

  // So many bytes more are done.  Throws cancelled, naming `what`, when the caller wants the work to end.
  void add(uint64_t n_bytes);

 private:
  const DeltaWork& work_;
  std::string what_;
  uint64_t n_total_, n_done_ = 0;
};

}  // namespace tidemill
