// Rows of floats -> panels (tensor/panels.h): a transposition of 16 rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tidemill/tensor.h"

namespace tidemill {

// Panel `panel` of `rows` (f32, f16 or bf16, [N, K], rows contiguous, at any address) at `target`, which is aligned to
// 64 and is written whole.
void pack_float_panel(const Tensor& rows, int64_t panel, std::byte* target);

}  // namespace tidemill
