// The tensors of a file that is being made, one after another: how each stands in its header, and what its bytes are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "api/byte_pipeline.h"
#include "formats/safetensors_writer.h"
#include "tidemill/tensor.h"

namespace tidemill {

struct StreamedTensor {
  SafetensorSpec spec;
  ByteSource source;  // of as many bytes as the spec has
};

// How a tensor of `dtype`, which safetensors has, stands in a header.
SafetensorSpec safetensor_spec(std::string name, DType dtype, const Shape& shape);

// A tensor of bytes that outlive it.
StreamedTensor bytes_tensor(std::string name, std::span<const std::byte> bytes);

// Writes `tensors` as a safetensors file.  `on_progress` is as in ConvertOptions; it speaks of the data.  Throws
// cancelled, and what SafetensorsWriter throws.  Returns the bytes of the data.
int64_t write_tensors(const std::string& path, const std::vector<StreamedTensor>& tensors,
                      const SafetensorsMetadata& metadata, ThreadPool& pool,
                      const std::function<bool(double share)>& on_progress);

}  // namespace tidemill
