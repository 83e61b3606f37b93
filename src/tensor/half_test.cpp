#include "tensor/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tidemill {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

static_assert(f16_to_f32(0x3c00) == 1.0f && f32_to_f16(-2.0f) == 0xc000);
static_assert(bf16_to_f32(0x3f80) == 1.0f && f32_to_bf16(-2.0f) == 0xc000);

// The value of f16 bits by the definition of binary16, for finite numbers.
double f16_by_definition(int half) {
  const int exponent = half >> 10 & 31, mantissa = half & 1023;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

TEST(Half, EveryF16HasItsValueAndComesBack) {
  for (int half = 0; half < 65536; ++half) {
    const float value = f16_to_f32(static_cast<uint16_t>(half));
    if ((half & 0x7fff) > 0x7c00) {
      ASSERT_TRUE(std::isnan(value)) << half;
      ASSERT_TRUE(std::isnan(f16_to_f32(f32_to_f16(value)))) << half;
      continue;
    }
    if ((half & 0x7fff) == 0x7c00) {
      ASSERT_EQ(value, half == 0x7c00 ? kInfinity : -kInfinity);
    } else {
      ASSERT_EQ(static_cast<double>(value), f16_by_definition(half)) << half;
      ASSERT_EQ(std::signbit(value), half >= 0x8000) << half;
    }
    ASSERT_EQ(f32_to_f16(value), half);
  }
}

// Between two neighbours, the middle goes to the even one and everything else to the nearer one.
TEST(Half, F32RoundsToTheNearestF16) {
  for (int low = 0; low < 0x7c00; ++low) {
    // Above the largest finite number lies infinity, where the next step, 65536, would be.
    const double above = low + 1 == 0x7c00 ? 65536.0 : f16_by_definition(low + 1);
    const auto middle = static_cast<float>((f16_by_definition(low) + above) / 2);  // exact: one bit more
    const int even = low % 2 == 0 ? low : low + 1;
    ASSERT_EQ(f32_to_f16(middle), even) << low;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 0.0f)), low) << low;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, kInfinity)), low + 1) << low;
    ASSERT_EQ(f32_to_f16(-middle), even | 0x8000) << low;
  }
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::max()), 0x7c00);
  EXPECT_EQ(f32_to_f16(-kInfinity), 0xfc00);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::denorm_min()), 0);
}

TEST(Half, EveryBf16IsTheTopOfAnF32AndComesBack) {
  for (uint32_t half = 0; half < 65536; ++half) {
    const float value = bf16_to_f32(static_cast<uint16_t>(half));
    ASSERT_EQ(std::bit_cast<uint32_t>(value), half << 16);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(value)))) << half;
    } else {
      ASSERT_EQ(f32_to_bf16(value), half);
    }
  }
}

TEST(Half, F32RoundsToTheNearestBf16) {
  for (uint32_t low = 0; low < 0x7f80; ++low) {
    const uint32_t middle = low << 16 | 0x8000;
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(middle)), low + low % 2) << low;
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(middle - 1)), low) << low;
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(middle + 1)), low + 1) << low;
  }
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7f800001u)))));
}

}  // namespace
}  // namespace tidemill
