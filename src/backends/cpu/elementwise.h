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

}  // namespace tidemill
