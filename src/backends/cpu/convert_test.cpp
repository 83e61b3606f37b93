#include "backends/cpu/convert.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "tensor/half.h"

namespace tidemill {
namespace {

// Every number of 16 bits, at an odd place and with a rest that fills no vector.
TEST(Convert, WidensAllNumbersOf16Bits) {
  std::vector<uint16_t> source(65536 + 1);
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<uint16_t>(i);
  std::vector<float> found(source.size());
  for (const DType dtype : {DType::f16, DType::bf16}) {
    widen(dtype, source.data() + 1, found.data(), 65536);
    for (size_t i = 0; i < 65536; ++i) {
      const float expected = dtype == DType::f16 ? f16_to_f32(source[i + 1]) : bf16_to_f32(source[i + 1]);
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(found[i])) << source[i + 1];
      } else {
        ASSERT_EQ(std::bit_cast<uint32_t>(found[i]), std::bit_cast<uint32_t>(expected)) << source[i + 1];
      }
    }
  }
}

TEST(Convert, NarrowsToTheNearest) {
  std::mt19937 generator(1);
  std::vector<float> source = {0.0f,     -0.0f, INFINITY, -INFINITY, NAN,     65504,
                               65519.9f, 65520, -1e30f,   6e-8f,     2.9e-8f, 3e38f};
  for (int i = 0; i < 100'003; ++i) source.push_back(std::bit_cast<float>(static_cast<uint32_t>(generator())));
  std::normal_distribution<float> normal;
  for (int i = 0; i < 100'003; ++i) source.push_back(normal(generator));
  for (uint32_t i = 0; i < 65536; ++i) source.push_back(std::bit_cast<float>(i << 16 | 0x8000));  // ties
  std::vector<uint16_t> found(source.size());
  for (const DType dtype : {DType::f16, DType::bf16}) {
    narrow(source.data(), dtype, found.data(), std::ssize(source));
    for (size_t i = 0; i < source.size(); ++i) {
      const uint16_t expected = dtype == DType::f16 ? f32_to_f16(source[i]) : f32_to_bf16(source[i]);
      if (std::isnan(source[i])) {
        ASSERT_TRUE(std::isnan(dtype == DType::f16 ? f16_to_f32(found[i]) : bf16_to_f32(found[i]))) << source[i];
      } else {
        ASSERT_EQ(found[i], expected) << info(dtype).name << " " << source[i];
      }
    }
  }
}

TEST(Convert, Doubles) {
  const std::vector<double> source = {1.0 / 3, 1e300, -1e300, 1e-300, NAN, -2.5, 7, 8, 9};
  std::vector<float> narrowed(source.size());
  std::vector<double> back(source.size());
  widen(DType::f64, source.data(), narrowed.data(), std::ssize(source));
  narrow(narrowed.data(), DType::f64, back.data(), std::ssize(source));
  for (size_t i = 0; i < source.size(); ++i) {
    if (std::isnan(source[i])) {
      EXPECT_TRUE(std::isnan(back[i]));
    } else {
      EXPECT_EQ(back[i], static_cast<double>(static_cast<float>(source[i])));
    }
  }
}

}  // namespace
}  // namespace tidemill
