// A few rows of quantised activations times panels: what decoding of one sequence runs on, and of some together.
#pragma once

#include <cstdint>

#include "backends/cpu/activations.h"
#include "backends/cpu/task.h"

namespace tidemill {

// The most rows that this and the other kernels of a few rows (bf16_gemv, float_gemv) take.
int64_t most_gemv_rows();

// out[m][n] = x[m] * W[n]^T for the first n_x rows of x and the rows n of panels [begin, end); `terms` are those of x
// for the product's dtype.  Each panel is read once, front to back.
void gemv(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x, int64_t n_x,
          const ActivationTerm* terms);

}  // namespace tidemill
