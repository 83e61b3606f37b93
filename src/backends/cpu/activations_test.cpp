#include "backends/cpu/activations.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "backends/cpu/panels.h"

namespace tidemill {
namespace {

// Quantised rows with memory of their own, filled with garbage first.
struct OwnRows {
  OwnRows(std::vector<float> values, int64_t n_cols, float loud) : x(std::move(values)) {
    const auto n = static_cast<int64_t>(x.size());
    const int64_t n_rows = n / n_cols;
    rows.n_cols = n_cols;
    high.assign(n, 99), low.assign(n, 99), scale.assign(n / 32, 99), is_loud.assign(n_rows * rows.n_superblocks(), 99);
    high_sum.assign(n / 16, 99), low_sum.assign(n / 16, 99);
    rows.high = high.data();
    rows.low = low.data();
    rows.scale = scale.data();
    rows.high_sum = high_sum.data();
    rows.low_sum = low_sum.data();
    rows.is_loud = is_loud.data();
    quantize_rows(Tensor(x.data(), DType::f32, {n_rows, n_cols}), 0, n_rows, loud, rows);
  }

  bool loud(int64_t row, int64_t group) const {
    return is_loud[row * rows.n_superblocks() + group / 8] >> (group % 8) & 1;
  }

  std::vector<float> x, scale;
  std::vector<int8_t> high, low;
  std::vector<int32_t> high_sum, low_sum;
  std::vector<uint8_t> is_loud;
  QuantizedRows rows;
};

std::vector<float> normal_numbers(int64_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<size_t>(n));
  for (float& value : x) value = normal(random);
  return x;
}

TEST(Activations, HighNumbersAreTheNearestMultiplesOfTheScale) {
  const OwnRows q(normal_numbers(3 * 320, 1), 320, 1e9f);
  for (size_t i = 0; i < q.x.size(); ++i) {
    float greatest = 0;
    for (size_t j = i / 32 * 32; j < i / 32 * 32 + 32; ++j) greatest = std::max(greatest, std::fabs(q.x[j]));
    ASSERT_FLOAT_EQ(q.scale[i / 32], greatest / 127);
    ASSERT_LE(std::fabs(q.x[i] - q.scale[i / 32] * static_cast<float>(q.high[i])), 0.50001f * q.scale[i / 32]);
    ASSERT_EQ(q.low[i], 0);
  }
}

TEST(Activations, OnlyGroupsThatAreLoudWithinTheirRowGetLowNumbers) {
  std::vector<float> x = normal_numbers(2 * 640, 2);
  x[640 + 300] = 50;  // group 9 of the second row
  const OwnRows q(x, 640, 2.5f);
  for (int64_t group = 0; group < 20; ++group) {
    EXPECT_FALSE(q.loud(0, group));
    EXPECT_EQ(q.loud(1, group), group == 9);
  }
  for (int64_t i = 640 + 288; i < 640 + 320; ++i) {
    const float found = q.scale[i / 32] * (static_cast<float>(q.high[i]) + static_cast<float>(q.low[i]) / 256);
    EXPECT_LE(std::fabs(x[i] - found), q.scale[i / 32] / 250);
  }
}

TEST(Activations, WithoutThresholdEveryGroupButZeroIsLoud) {
  std::vector<float> x = normal_numbers(96, 3);
  std::fill(x.begin() + 32, x.begin() + 64, 0.0f);
  const OwnRows q(x, 96, 0);
  EXPECT_TRUE(q.loud(0, 0));
  EXPECT_FALSE(q.loud(0, 1));
  EXPECT_TRUE(q.loud(0, 2));
  EXPECT_EQ(q.scale[1], 0);
}

TEST(Activations, NumbersStayWithin127) {
  std::vector<float> x(64);
  for (int i = 0; i < 64; ++i) x[i] = (i % 2 == 0 ? 1.0f : -1.0f) * (1.0f - static_cast<float>(i) * 0.4999f / 127);
  const OwnRows q(x, 64, 0);
  for (int i = 0; i < 64; ++i) {
    EXPECT_GE(q.high[i], -127);
    EXPECT_GE(q.low[i], -127);
  }
}

TEST(Activations, SumsAndTermsFollowFromTheNumbers) {
  const OwnRows q(normal_numbers(2 * 288, 4), 288, 1.0f);
  for (const DType dtype : {DType::q4_k, DType::q6_k}) {
    const int length = panel_format(dtype).scale_length;
    std::vector<ActivationTerm> terms(2 * 288 / length);
    make_terms(dtype, q.rows, 0, 2, terms.data());
    for (size_t part = 0; part < terms.size(); ++part) {
      int32_t high = 0, low = 0;
      for (size_t i = part * length; i < (part + 1) * length; ++i) high += q.high[i], low += q.low[i];
      const float scale = q.scale[part * length / 32];
      ASSERT_EQ(terms[part].scale, scale);
      ASSERT_FLOAT_EQ(terms[part].sum, scale * (static_cast<float>(high) + static_cast<float>(low) / 256));
      // Arm takes the offset off the weights instead.
      ASSERT_TRUE(terms[part].high_start == -panel_format(dtype).offset * high || terms[part].high_start == 0);
      ASSERT_TRUE(terms[part].low_start == -panel_format(dtype).offset * low || terms[part].low_start == 0);
    }
  }
}

TEST(Activations, TinyRowsCountAsZeroAndInfinityPoisonsItsRowOnly) {
  std::vector<float> x = normal_numbers(3 * 64, 5);
  for (int i = 0; i < 64; ++i) x[i] = 1e-30f;
  x[64 + 7] = std::numeric_limits<float>::infinity();
  const OwnRows q(x, 64, 1.5f);
  EXPECT_EQ(q.scale[0], 0);
  EXPECT_EQ(q.scale[1], 0);
  EXPECT_TRUE(std::isnan(q.scale[2]));
  EXPECT_TRUE(std::isnan(q.scale[3]));
  EXPECT_GT(q.scale[4], 0);
}

}  // namespace
}  // namespace tidemill
