#include "compress/quantize/awq.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "sys/random.h"

namespace tidemill {
namespace {

constexpr int64_t kRows = 32, kCols = 64;

// Inputs of which a few are large, as behind norms of language models.
InputRecord record_of(float large) {
  Random random(2);
  InputRecord record{SquareMatrix(kCols), std::vector<double>(kCols), 256};
  std::vector<float> x(256 * kCols);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = (static_cast<float>(random.uniform()) - 0.5f) * (i % kCols % 16 == 5 ? large : 1.0f);
    record.magnitudes[i % kCols] += std::fabs(x[i]);
  }
  ThreadPool pool(1);
  add_gram(pool, x.data(), 256, record.gram);
  mirror(record.gram);
  return record;
}

std::vector<ScaleConsumer> consumer_of(const std::vector<float>& weights) {
  return {{.sample = {.n_rows = kRows,
                      .n_cols = kCols,
                      .read =
                          [&](int64_t row, std::span<float> values) {
                            std::copy_n(weights.begin() + row * kCols, kCols, values.begin());
                          }},
           .format = {DType::q4_0}}};
}

TEST(Awq, LargeInputsHaveTheirWeightsMadeLarger) {
  Random random(1);
  std::vector<float> weights(kRows * kCols);
  for (float& weight : weights) weight = static_cast<float>(random.uniform()) - 0.5f;
  ThreadPool pool(2);
  const std::vector<float> factors = search_scales(pool, consumer_of(weights), record_of(30), ScaleTrial::rounding);
  EXPECT_GT(factors[5], 1.1f * factors[6]);
  for (const float factor : factors) ASSERT_TRUE(std::isfinite(factor) && factor > 0);
}

TEST(Awq, InputsThatNeverWereAnythingKeepTheirScales) {
  const std::vector<float> weights(kRows * kCols, 0.5f);
  ThreadPool pool(1);
  const InputRecord nothing{SquareMatrix(kCols), std::vector<double>(kCols), 0};
  EXPECT_EQ(search_scales(pool, consumer_of(weights), nothing, ScaleTrial::rounding), std::vector<float>(kCols, 1.0f));
}

TEST(Awq, ARecordOfDividedInputs) {
  const InputRecord record = record_of(10);
  std::vector<float> factors(kCols, 1.0f);
  factors[3] = 4;
  const InputRecord scaled = divided(record, factors);
  EXPECT_DOUBLE_EQ(scaled.magnitudes[3], record.magnitudes[3] / 4);
  EXPECT_FLOAT_EQ(scaled.gram.row(3)[3], record.gram.row(3)[3] / 16);
  EXPECT_FLOAT_EQ(scaled.gram.row(2)[3], record.gram.row(2)[3] / 4);
  EXPECT_FLOAT_EQ(importance_of(scaled)[3], scaled.gram.row(3)[3]);
}

}  // namespace
}  // namespace tidemill
