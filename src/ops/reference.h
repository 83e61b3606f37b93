// The scalar oracle: every operation in plain loops with double accumulation, never optimised.  Every kernel of every
// backend is compared with it.
//
// Weights have any dtype in Layout::rows.  Single-threaded; allocates as it likes.
#pragma once

#include "ops/kernels.h"

namespace tidemill {

class ReferenceKernels final : public Kernels {
 public:
  void run(const Operation& operation) override;
};

}  // namespace tidemill
