#include "tensor/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tensor/blocks.h"
#include "tensor/dequantize.h"

namespace tidemill {
namespace {

std::vector<float> there_and_back(const std::vector<float>& values) {
  std::vector<BlockQ8_0> blocks(values.size() / BlockQ8_0::kLength);
  quantize_q8_0(values, blocks.data());
  std::vector<float> result(values.size());
  dequantize(DType::q8_0, blocks.data(), result);
  return result;
}

TEST(QuantizeTest, RoundsToWithinHalfAStepOfEachBlock) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(64 * 32);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = normal(random) * std::exp2(static_cast<float>(i / 32 % 20) - 10);
  const std::vector<float> found = there_and_back(values);
  for (size_t begin = 0; begin < values.size(); begin += 32) {
    float greatest = 0;
    for (size_t i = begin; i < begin + 32; ++i) greatest = std::fmax(greatest, std::fabs(values[i]));
    // Half a step, and the rounding of the scale to f16.
    const float limit = greatest / 127 * 0.5f + greatest * 0x1p-11f + 1e-7f;
    for (size_t i = begin; i < begin + 32; ++i) ASSERT_NEAR(found[i], values[i], limit) << i;
  }
}

TEST(QuantizeTest, KeepsZerosAndSigns) {
  std::vector<float> values(32);
  EXPECT_EQ(there_and_back(values), values);
  values[3] = -127;
  values[4] = 1;
  EXPECT_EQ(there_and_back(values), values);
}

TEST(QuantizeTest, LargeNumbersSaturateAndNanStaysInItsBlock) {
  std::vector<float> values(64, 1.0f);
  values[0] = 1e30f;
  values[1] = -std::numeric_limits<float>::infinity();
  std::vector<float> found = there_and_back(values);
  EXPECT_EQ(found[0], 65504.0f * 127);
  EXPECT_EQ(found[1], -65504.0f * 127);
  EXPECT_NEAR(found[63], 1.0f, 1e-3f);
  values[0] = std::nanf("");
  found = there_and_back(values);
  EXPECT_TRUE(std::isnan(found[0]) && std::isnan(found[31]));
  EXPECT_FALSE(std::isnan(found[32]));
}

}  // namespace
}  // namespace tidemill
