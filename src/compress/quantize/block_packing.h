// Codes and scales to the bytes of GGUF's block formats (tensor/blocks.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "compress/quantize/matrix_coder.h"
#include "tidemill/dtype.h"

namespace tidemill {

// One block of `dtype`, which is_made_in_blocks, at `target`.  `codes` are those of a whole block.
void pack_block(DType dtype, const BlockFit& block, std::span<const uint8_t> codes, std::byte* target);

}  // namespace tidemill
