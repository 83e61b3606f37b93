// Rows of floats -> panels of int8 (tensor/int8_panels.h).
#pragma once

#include <cstdint>

#include "sys/thread_pool.h"
#include "tidemill/tensor.h"

namespace tidemill {

// Lays `rows` ([N, K] of f32, f16 or bf16, Layout::rows) out as the panels from `first_panel` on of `whole`, a matrix
// of int8 in panels that is being made.  A row's greatest magnitude becomes 127; a row that holds NaN or infinity gets
// a scale of NaN.
void pack_int8_part(ThreadPool& pool, const Tensor& rows, int64_t first_panel, const Tensor& whole);

}  // namespace tidemill
