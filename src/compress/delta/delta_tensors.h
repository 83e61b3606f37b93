// The tensors that a delta restores, found in its plan.
#pragma once

#include <cstdint>
#include <vector>

#include "compress/delta/delta_file.h"

namespace tidemill {

struct PlannedTensor {
  const PlanFile* file;
  const PlanPart* part;  // its first, which names it
  uint64_t n_bytes = 0;  // of all its parts
  uint64_t n_coded_bytes = 0;
};

// In the order of the plan.  They refer to it.
std::vector<PlannedTensor> planned_tensors(const DeltaFile& delta);

}  // namespace tidemill
