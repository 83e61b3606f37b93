// The bytes of tensors that a file of another kind holds a model's weights in.
#pragma once

#include "api/byte_pipeline.h"
#include "formats/weights.h"
#include "models/written_weights.h"

namespace tidemill {

// `tensor` in `dtype`, which is its own or f32, f16 or bf16.  Blocks of a block format stay bit for bit.  `weights`,
// the file that it is from, outlives the result.
ByteSource written_source(const Weights& weights, const WrittenTensor& tensor, DType dtype);

}  // namespace tidemill
