// The tensors of a file that is being made, one after another: how each stands in its header, and what writes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "formats/safetensors_writer.h"

namespace tidemill {

// Takes the next bytes of the data.
using ByteSink = std::function<void(std::span<const std::byte> piece)>;

struct StreamedTensor {
  SafetensorSpec spec;
  // Gives the tensor's bytes, in pieces of a few megabytes.
  std::function<void(const ByteSink& sink)> write;
};

// A tensor of bytes that outlive it.
StreamedTensor bytes_tensor(std::string name, std::span<const std::byte> bytes);

// Writes `tensors` as a safetensors file.  `on_progress` is as in ConvertOptions; it speaks of the data.  Throws
// cancelled, and what SafetensorsWriter throws.  Returns the bytes of the data.
int64_t write_tensors(const std::string& path, const std::vector<StreamedTensor>& tensors,
                      const SafetensorsMetadata& metadata, const std::function<bool(double share)>& on_progress);

// `bytes` in pieces that are small enough for progress to be seen.
void write_pieces(std::span<const std::byte> bytes, const ByteSink& sink);

}  // namespace tidemill
