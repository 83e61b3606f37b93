// Rows of a weight file -> panels (panels.h), and single rows back out of panels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sys/thread_pool.h"
#include "tidemill/tensor.h"

namespace tidemill {

// Lays `rows` ([N, K], Layout::rows, contiguous rows of any stride) out as panels at `target`, which has
// panel_bytes(dtype, N, K) bytes, is aligned to 64 and outlives the result.  Reads each byte of the source once.
// Throws as panel_bytes does.
Tensor pack_panels(ThreadPool& pool, const Tensor& rows, std::byte* target);

// Row `row` of a matrix in panels as its K exact values.
void unpack_row(const Tensor& panels, int64_t row, float* out);

}  // namespace tidemill
