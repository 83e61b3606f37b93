// The one table of element types.  Block sizes: ggml's block layouts as the `gguf` Python package lists them
// (GGML_QUANT_SIZES).
#include <algorithm>
#include <array>

#include "tidemill/dtype.h"

namespace tidemill {
namespace {

constexpr std::array<DTypeInfo, kDTypeCount> kTable = {{
    {DType::f32, "f32", 1, 4, true},
    {DType::f16, "f16", 1, 2, true},
    {DType::bf16, "bf16", 1, 2, true},
    {DType::f64, "f64", 1, 8, true},
    {DType::i64, "i64", 1, 8, false},
    {DType::i32, "i32", 1, 4, false},
    {DType::i16, "i16", 1, 2, false},
    {DType::i8, "i8", 1, 1, false},
    {DType::u8, "u8", 1, 1, false},
    {DType::u64, "u64", 1, 8, false},
    {DType::u32, "u32", 1, 4, false},
    {DType::u16, "u16", 1, 2, false},
    {DType::i4, "i4", 2, 1, false},
    {DType::boolean, "bool", 1, 1, false},
    {DType::f8_e4m3, "f8_e4m3", 1, 1, true},
    {DType::f8_e5m2, "f8_e5m2", 1, 1, true},
    {DType::f8_e4m3fnuz, "f8_e4m3fnuz", 1, 1, true},
    {DType::f8_e5m2fnuz, "f8_e5m2fnuz", 1, 1, true},
    {DType::f8_e8m0, "f8_e8m0", 1, 1, true},
    {DType::f4, "f4", 2, 1, true},
    {DType::c64, "c64", 1, 8, false},
    {DType::q4_0, "q4_0", 32, 18, false},
    {DType::q4_1, "q4_1", 32, 20, false},
    {DType::q5_0, "q5_0", 32, 22, false},
    {DType::q5_1, "q5_1", 32, 24, false},
    {DType::q8_0, "q8_0", 32, 34, false},
    {DType::q2_k, "q2_k", 256, 84, false},
    {DType::q3_k, "q3_k", 256, 110, false},
    {DType::q4_k, "q4_k", 256, 144, false},
    {DType::q5_k, "q5_k", 256, 176, false},
    {DType::q6_k, "q6_k", 256, 210, false},
    {DType::iq4_nl, "iq4_nl", 32, 18, false},
    {DType::iq4_xs, "iq4_xs", 256, 136, false},
    {DType::mxfp4, "mxfp4", 32, 17, false},
    {DType::q4_g32, "q4_g32", 32, 20, false},
    {DType::q4_g128, "q4_g128", 128, 68, false},
    {DType::q8_g32, "q8_g32", 32, 36, false},
    {DType::q2_g128, "q2_g128", 128, 36, false},
    {DType::q3_g128, "q3_g128", 128, 52, false},
}};

constexpr bool rows_are_in_enum_order() {
  for (int index = 0; index < kDTypeCount; ++index) {
    if (static_cast<int>(kTable[index].dtype) != index) return false;
  }
  return true;
}
static_assert(rows_are_in_enum_order());

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

const DTypeInfo& info(DType dtype) {
  return kTable[static_cast<size_t>(dtype)];
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeInfo& row : kTable) {
    if (std::ranges::equal(row.name, name, {}, {}, lower)) return row.dtype;
  }
  return std::nullopt;
}

double bits_per_element(DType dtype) {
  return 8.0 * info(dtype).block_bytes / info(dtype).block_length;
}

}  // namespace tidemill
