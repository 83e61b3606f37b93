// Rows picked out of tables.
#pragma once

#include "ops/operations.h"
#include "sys/thread_pool.h"

namespace tidemill {

// The table is in panels (pack.h).
void compute(ThreadPool& pool, const op::Embed& operation);
void compute(ThreadPool& pool, const op::GatherRows& operation);

}  // namespace tidemill
