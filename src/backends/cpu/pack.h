// Rows of a weight file -> panels (tensor/panels.h).
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

// Panels [begin, end) alone, on this thread.  `target` is where the first of them goes, and is written whole.
void pack_panels(const Tensor& rows, int64_t begin, int64_t end, std::byte* target);

}  // namespace tidemill
