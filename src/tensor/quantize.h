// f32 -> block formats that are made at run time.
#pragma once

#include <span>

namespace tidemill {

// Rounds to Q8_0, as ggml does: blocks of 32, each with a scale of its greatest magnitude / 127 in f16.  `source` holds
// whole blocks.  What is too large for the scale becomes the largest that there is; a block with NaN becomes NaN.
void quantize_q8_0(std::span<const float> source, void* target);

}  // namespace tidemill
