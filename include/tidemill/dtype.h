// Element types: one table row each, for plain numbers (all of safetensors' but its 6-bit floats) and for the block
// formats of GGUF.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tidemill {

enum class DType : uint8_t {
  f32,
  f16,
  bf16,
  f64,
  i64,
  i32,
  i16,
  i8,
  u8,
  u64,
  u32,
  u16,
  i4,  // two per byte, low nibble first
  boolean,
  // Small floats: sign, exponent, mantissa.  OCP Microscaling Formats 1.0; fnuz: Noune et al. 2022, arXiv:2206.02915.
  f8_e4m3,      // no infinity, one NaN of each sign ("fn")
  f8_e5m2,      // the upper half of an f16
  f8_e4m3fnuz,  // one NaN in the place of -0, no infinity
  f8_e5m2fnuz,
  f8_e8m0,  // a power of two, for scales; no sign, no zero
  f4,       // E2M1, two per byte, low nibble first
  c64,      // two f32, real part first; has no value as f32
  // Block formats of GGUF: `block_length` consecutive elements of a row share scales.
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  iq4_nl,
  iq4_xs,
  mxfp4,  // OCP Microscaling: E2M1 numbers whose scale is a power of two
  // Blocks of our own, for weights that AWQ, GPTQ and compressed-tensors quantised: scale * (code - zero).
  q4_g32,
  q4_g128,
  q8_g32,
  q2_g128,
  q3_g128,
};

inline constexpr int kDTypeCount = static_cast<int>(DType::q3_g128) + 1;

struct DTypeInfo {
  DType dtype;
  std::string_view name;  // lower case, as in JSON and messages: "f32", "q4_k"
  int block_length;       // elements per block; 1 for plain numbers
  int block_bytes;        // bytes per block
  bool is_float;          // holds real numbers that are not whole, each for itself: f32, bf16, f8_e4m3

  bool is_quantized() const { return block_length > 2; }
};

// The table row of a dtype.
const DTypeInfo& info(DType dtype);

// The dtype of that name, in any case ("Q4_K" and "q4_k"); nothing when there is none.
std::optional<DType> dtype_from_name(std::string_view name);

// Bits per element, e.g. 4.5 for q4_k.
double bits_per_element(DType dtype);

}  // namespace tidemill
