// Several rows of quantised activations times panels: prefill, and decoding of several sequences.
#pragma once

#include <cstdint>

#include "backends/cpu/activations.h"
#include "backends/cpu/task.h"

namespace tidemill {

// out[m][n] = x[m] * W[n]^T over the task's rows; `terms` are those of x for the dtype.  The same bits as gemv.
void gemm(const MatmulTask& task, const QuantizedRows& x, const ActivationTerm* terms, TaskScratch& scratch);

}  // namespace tidemill
