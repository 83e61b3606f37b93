// Kernels: what a backend implements, and what decorators (checker, profiler, training tape) wrap.
#pragma once

#include "ops/operations.h"

namespace tidemill {

class Kernels {
 public:
  virtual ~Kernels() = default;

  // Computes one operation (operations.h says what each is) before it returns.  One call at a time.
  virtual void run(const Operation& operation) = 0;
};

}  // namespace tidemill
