// The reference's part for recurrent operations: reference.cpp calls it.
#pragma once

#include "ops/operations.h"

namespace tidemill {

void compute_recurrent(const op::Lerp& o);
void compute_recurrent(const op::PreviousRows& o);
void compute_recurrent(const op::CausalConv& o);
void compute_recurrent(const op::SelectiveScan& o);
void compute_recurrent(const op::Wkv4& o);
void compute_recurrent(const op::Wkv& o);
void compute_recurrent(const op::DeltaRule& o);
void compute_recurrent(const op::GatedDeltaRule& o);
void compute_recurrent(const op::HeadBonus& o);

}  // namespace tidemill
