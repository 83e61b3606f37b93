// Linear layers in int8: weights with a scale for each output, activations with a scale and a zero for each row.
#pragma once

#include "backends/cpu/matmul.h"
#include "ops/operations.h"

namespace tidemill {

// All weights are in panels of int8 (tensor/int8_panels.h).  The input is quantised once; products are summed exactly
// over all of k, so that a row of an output depends on its row of x only, bit for bit, whatever the number of rows and
// threads.
void project_int8(MatmulContext& context, const op::Project& operation);

}  // namespace tidemill
