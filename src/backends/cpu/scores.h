// Scores of a vocabulary for one row, at little more than half the bytes where a choice needs few of them.
#pragma once

#include "backends/cpu/matmul.h"
#include "ops/operations.h"

namespace tidemill {

// op::Scores.  Over halved panels, but in Precision::f32, the high halves of a panel tell what its scores are at most
// (halved_gemv.h); where no row comes within reach of what has been found so far they stand as -infinity, elsewhere the
// low halves are read too, and the scores are what `matmul` gives.  All else goes to `matmul`.
void find_scores(MatmulContext& context, const op::Scores& operation);

}  // namespace tidemill
