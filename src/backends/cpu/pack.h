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

// Lays `rows` out as the panels from `first_panel` on of `whole`, a matrix in panels or halved panels that is being
// made.
void pack_part(ThreadPool& pool, const Tensor& rows, int64_t first_panel, const Tensor& whole);

// Panels [begin, end) halved, on this thread: the parts of the first of them go to `high` and `low`.  `rows` are of a
// dtype that has_halved_panels.
void pack_halved_panels(const Tensor& rows, int64_t begin, int64_t end, std::byte* high, std::byte* low);

// Bytes [begin, end) of the halved panels of all `rows`, on this thread.
void pack_halved_bytes(const Tensor& rows, int64_t begin, int64_t end, std::byte* target);

}  // namespace tidemill
