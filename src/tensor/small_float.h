// Floats of four and eight bits as bits: exact conversions to f32 that work at compile time.
// Formats: OCP 8-bit Floating Point 1.0 and Microscaling Formats 1.0; the fnuz ones: Noune et al. 2022,
// arXiv:2206.02915.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "tensor/half.h"

namespace tidemill {

// Sign bit on top of `kExponentBits` and `kMantissaBits`; an exponent of 0 means subnormal, and no code is special.
template <int kExponentBits, int kMantissaBits, int kBias>
constexpr float plain_float_to_f32(uint8_t code) {
  const uint32_t sign = static_cast<uint32_t>(code >> (kExponentBits + kMantissaBits)) << 31;
  const uint32_t exponent = code >> kMantissaBits & ((1u << kExponentBits) - 1);
  const uint32_t mantissa = code & ((1u << kMantissaBits) - 1);
  constexpr float kStep = std::bit_cast<float>(static_cast<uint32_t>(127 + 1 - kBias - kMantissaBits) << 23);
  if (exponent == 0) return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(static_cast<float>(mantissa) * kStep));
  return std::bit_cast<float>(sign | (exponent + 127 - kBias) << 23 | mantissa << (23 - kMantissaBits));
}

inline constexpr float kSmallFloatNan = std::numeric_limits<float>::quiet_NaN();

constexpr float f8_e4m3_to_f32(uint8_t code) {
  return (code & 0x7f) == 0x7f ? kSmallFloatNan : plain_float_to_f32<4, 3, 7>(code);
}

constexpr float f8_e5m2_to_f32(uint8_t code) {
  return f16_to_f32(static_cast<uint16_t>(code << 8));
}

constexpr float f8_e4m3fnuz_to_f32(uint8_t code) {
  return code == 0x80 ? kSmallFloatNan : plain_float_to_f32<4, 3, 8>(code);
}

constexpr float f8_e5m2fnuz_to_f32(uint8_t code) {
  return code == 0x80 ? kSmallFloatNan : plain_float_to_f32<5, 2, 16>(code);
}

constexpr float f8_e8m0_to_f32(uint8_t code) {
  if (code == 0xff) return kSmallFloatNan;
  constexpr uint32_t kHalfOfSmallest = 1u << 22;  // 2^-127 is a subnormal f32
  return std::bit_cast<float>(code == 0 ? kHalfOfSmallest : static_cast<uint32_t>(code) << 23);
}

// `code` < 16.
constexpr float f4_to_f32(uint8_t code) {
  return plain_float_to_f32<2, 1, 1>(code);
}

}  // namespace tidemill
