// The element types of the safetensors format, as its library (version 0.8) knows them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "tidemill/dtype.h"

namespace tidemill {

struct SafetensorsType {
  std::string_view name;       // as headers spell it: "BF16"
  uint32_t n_bits;             // of an element
  std::optional<DType> dtype;  // nothing for the 6-bit floats: the format does not say how their bits are packed
};

// All of them, in the order by which the library sorts tensors into a file.
std::span<const SafetensorsType> safetensors_types();

// The type of that name, exactly as spelled; null when the format has none.
const SafetensorsType* safetensors_type(std::string_view name);

// The type that holds elements of `dtype`; null for those that the format does not have: i4 and the blocks of GGUF.
const SafetensorsType* safetensors_type(DType dtype);

}  // namespace tidemill
