// Activation functions, alone or as the gate of another tensor.  All tensors are contiguous f32 of one shape.
#pragma once

#include "ops/operations.h"
#include "sys/thread_pool.h"

namespace tidemill {

// Within 1e-6 times the input's magnitude of the exact function; NaN stays NaN.
void compute(ThreadPool& pool, const op::Activate& operation);
void compute(ThreadPool& pool, const op::Gate& operation);

// The same for n numbers, on this thread; `out` may be `x`.
void activate(Activation activation, const float* x, float* out, int64_t n);

}  // namespace tidemill
