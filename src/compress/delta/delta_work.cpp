#include "compress/delta/delta_work.h"

#include <algorithm>

#include "tidemill/error.h"

namespace tidemill {

void DeltaProgress::add(uint64_t n_bytes) {
  n_done_ += n_bytes;
  const double share = static_cast<double>(n_done_) / static_cast<double>(std::max<uint64_t>(n_total_, 1));
  if (work_.on_progress && !work_.on_progress(std::min(share, 1.0)))
    throw Error(ErrorCode::cancelled, what_ + ": interrupted; nothing is kept");
}

}  // namespace tidemill
