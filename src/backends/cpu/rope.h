// Rotary position embedding.  Su et al. 2021, arXiv:2104.09864.
#pragma once

#include "ops/operations.h"
#include "sys/thread_pool.h"

namespace tidemill {

// Cosine and sine are exact to float32 for any angle.
void compute(ThreadPool& pool, const op::RopeTable& operation);
void compute(ThreadPool& pool, const op::Rope& operation);

}  // namespace tidemill
