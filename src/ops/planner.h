// Kernels that compute nothing.  Together with Arena::planner() they turn a forward pass into a measurement of the
// memory it needs: every shape is checked and allocated, no element is touched.
#pragma once

#include "ops/kernels.h"

namespace tidemill {

class PlanningKernels final : public Kernels {
 public:
  void run(const Operation&) override {}
};

}  // namespace tidemill
