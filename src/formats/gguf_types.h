// ggml's element types, as files number them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "tidemill/dtype.h"

namespace tidemill {

inline constexpr uint32_t kGgmlMaxRank = 4;  // of a tensor

struct GgmlType {
  uint32_t number;  // enum ggml_type
  std::string_view name;
  std::optional<DType> dtype;  // nothing where this build cannot read it
};

std::span<const GgmlType> ggml_types();

}  // namespace tidemill
