// One row of quantised activations times panels: what decoding a single sequence runs on.
#pragma once

#include <cstdint>

#include "backends/cpu/activations.h"
#include "backends/cpu/task.h"

namespace tidemill {

// out[n] = x[0] * W[n]^T for the rows n of panels [begin, end); `terms` are those of x for the product's dtype.  Each
// panel is read once, front to back.
void gemv(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x, const ActivationTerm* terms);

}  // namespace tidemill
