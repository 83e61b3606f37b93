// Operations of recurrent models: each sequence's rows in order, heads or channels on threads.
//
// A row's result depends on its sequence up to it alone: bit-identical whatever shares the call, however the sequence
// was cut into calls, and whatever the number of threads.  None allocates.
#pragma once

#include "ops/operations.h"
#include "sys/thread_pool.h"

namespace tidemill {

void compute(ThreadPool& pool, const op::Lerp& operation);
void compute(ThreadPool& pool, const op::PreviousRows& operation);
void compute(ThreadPool& pool, const op::CausalConv& operation);
void compute(ThreadPool& pool, const op::SelectiveScan& operation);
void compute(ThreadPool& pool, const op::Wkv4& operation);
void compute(ThreadPool& pool, const op::Wkv& operation);
void compute(ThreadPool& pool, const op::DeltaRule& operation);
void compute(ThreadPool& pool, const op::GatedDeltaRule& operation);
void compute(ThreadPool& pool, const op::HeadBonus& operation);

}  // namespace tidemill
