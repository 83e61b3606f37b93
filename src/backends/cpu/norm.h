// Normalisation of rows.
#pragma once

#include "ops/operations.h"
#include "sys/thread_pool.h"

namespace tidemill {

void compute(ThreadPool& pool, const op::RmsNorm& operation);
void compute(ThreadPool& pool, const op::LayerNorm& operation);
void compute(ThreadPool& pool, const op::L2Norm& operation);

}  // namespace tidemill
