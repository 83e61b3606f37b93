// Sums and caps.  All tensors are contiguous f32.
#pragma once

#include "ops/operations.h"
#include "sys/thread_pool.h"

namespace tidemill {

void compute(ThreadPool& pool, const op::Add& operation);
void compute(ThreadPool& pool, const op::AddRow& operation);
// Within 3e-7 times the cap.
void compute(ThreadPool& pool, const op::Scale& operation);
void compute(ThreadPool& pool, const op::SoftCap& operation);

// a + b for n numbers, on this thread; `out` may be either.
void add(const float* a, const float* b, float* out, int64_t n);
void add(const double* a, const double* b, double* out, int64_t n);

}  // namespace tidemill
