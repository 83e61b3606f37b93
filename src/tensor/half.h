// f16 and bf16 as bits: conversions to and from f32 that need no instruction set and work at compile time.
#pragma once

#include <bit>
#include <cstdint>

namespace tidemill {

// IEEE 754 binary16 -> f32, exact; a NaN keeps its sign and payload.
constexpr float f16_to_f32(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t exponent = half >> 10 & 0x1f;
  const uint32_t mantissa = half & 0x3ff;
  if (exponent == 0) {  // zero and subnormals: the mantissa counts steps of 2^-24
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(static_cast<float>(mantissa) * 0x1p-24f));
  }
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000 | mantissa << 13);
  return std::bit_cast<float>(sign | (exponent + 127 - 15) << 23 | mantissa << 13);
}

// f32 -> the nearest f16, ties to even; too large becomes infinity, NaN stays a (quiet) NaN.
constexpr uint16_t f32_to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  if (magnitude >= 0x477ff000) return sign | 0x7c00;  // 65520, half a step above the largest finite f16
  if (magnitude < 0x38800000) {                       // below 2^-14 an f16 counts steps of 2^-24,
    // which is the distance of neighbouring f32 in [0.5, 1): adding 0.5 rounds to such a step.
    const float rounded = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(rounded) - std::bit_cast<uint32_t>(0.5f)));
  }
  const uint32_t rebiased = magnitude - ((127u - 15) << 23);
  const uint32_t odd = rebiased >> 13 & 1;  // a tie goes up only from an odd mantissa; a carry reaches the exponent
  return static_cast<uint16_t>(sign | (rebiased + 0xfff + odd) >> 13);
}

// bfloat16 -> f32, exact: the upper half of its bits.
constexpr float bf16_to_f32(uint16_t half) {
  return std::bit_cast<float>(static_cast<uint32_t>(half) << 16);
}

// f32 -> the nearest bfloat16, ties to even; NaN stays a (quiet) NaN.
constexpr uint16_t f32_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace tidemill
