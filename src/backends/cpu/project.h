// Linear layers with their biases and activations: what encoders spend their time on.
#pragma once

#include "backends/cpu/matmul.h"
#include "ops/operations.h"

namespace tidemill {

// Weights of f32 meet the rows of x in a kernel of its own: sums begin at the bias, run over all of k in order in one
// chain each and stay in registers, so that it reaches the speed of the multipliers with few rows, too.  All other
// weights go through `matmul`, as `context` computes them.  A row of an output depends on its row of x only, bit for
// bit, whatever the number of rows and threads.
void compute(MatmulContext& context, const op::Project& operation);

}  // namespace tidemill
