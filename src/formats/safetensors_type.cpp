#include "formats/safetensors_type.h"

#include <algorithm>
#include <array>

namespace tidemill {
namespace {

constexpr std::array<SafetensorsType, 22> kTypes = {{
    {"BOOL", 8, DType::boolean},
    {"F4", 4, DType::f4},
    {"F6_E2M3", 6, std::nullopt},
    {"F6_E3M2", 6, std::nullopt},
    {"U8", 8, DType::u8},
    {"I8", 8, DType::i8},
    {"F8_E5M2", 8, DType::f8_e5m2},
    {"F8_E4M3", 8, DType::f8_e4m3},
    {"F8_E8M0", 8, DType::f8_e8m0},
    {"F8_E4M3FNUZ", 8, DType::f8_e4m3fnuz},
    {"F8_E5M2FNUZ", 8, DType::f8_e5m2fnuz},
    {"I16", 16, DType::i16},
    {"U16", 16, DType::u16},
    {"F16", 16, DType::f16},
    {"BF16", 16, DType::bf16},
    {"I32", 32, DType::i32},
    {"U32", 32, DType::u32},
    {"F32", 32, DType::f32},
    {"C64", 64, DType::c64},
    {"F64", 64, DType::f64},
    {"I64", 64, DType::i64},
    {"U64", 64, DType::u64},
}};

}  // namespace

std::span<const SafetensorsType> safetensors_types() {
  return kTypes;
}

const SafetensorsType* safetensors_type(std::string_view name) {
  const auto* const found = std::ranges::find(kTypes, name, &SafetensorsType::name);
  return found == kTypes.end() ? nullptr : found;
}

const SafetensorsType* safetensors_type(DType dtype) {
  const auto* const found = std::ranges::find(kTypes, std::optional(dtype), &SafetensorsType::dtype);
  return found == kTypes.end() ? nullptr : found;
}

}  // namespace tidemill
