// Weights as plain rows of another dtype, made some rows at a time.
#pragma once

#include "api/byte_pipeline.h"
#include "formats/weights.h"
#include "tidemill/tensor.h"

namespace tidemill {

// Row `row` of `tensor`, seen as rows of its last dimension, in f32, which is exact for every format.  In any layout
// and with any stride between rows; `values` has a row's length.
void read_row(const Tensor& tensor, int64_t row, std::span<float> values);

// Rounds to f32, f16 or bf16.
void write_row(std::span<const float> values, DType dtype, std::byte* target);

// `tensor` as rows of `dtype`, which is its own or f32, f16 or bf16.  What has been read leaves memory; `weights`, the
// file that it is from, outlives the result.
ByteSource plain_source(const Weights& weights, const Tensor& tensor, DType dtype);

}  // namespace tidemill
