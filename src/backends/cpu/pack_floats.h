// Rows of floats -> panels (tensor/panels.h): a transposition of 16 rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tidemill/tensor.h"

namespace tidemill {

// Whether panels are for later, and written past the caches, or met at once, and left in them.
enum class PanelUse : uint8_t { later, at_once };

// Panel `panel` of `rows` (f32, f16 or bf16, [N, K], rows contiguous, at any address) at `target`, which is aligned to
// 64 and is written whole.
void pack_float_panel(const Tensor& rows, int64_t panel, std::byte* target, PanelUse use = PanelUse::later);

// Panels [begin, end) of the matrix [N, K] whose transpose `columns` [K, N] is, from `target` on.  Rows of `columns`
// are contiguous.
void pack_column_panels(const Tensor& columns, int64_t begin, int64_t end, std::byte* target);

}  // namespace tidemill
