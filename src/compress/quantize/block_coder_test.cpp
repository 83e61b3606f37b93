// What is stored decodes to what was fitted, bit for bit, and loses no more than the width of the codes allows.
#include "compress/quantize/block_coder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "compress/quantize/round_matrix.h"
#include "sys/random.h"
#include "tensor/dequantize.h"

namespace tidemill {
namespace {

constexpr int64_t kRows = 5, kCols = 512;

std::vector<float> normal_numbers(size_t n, uint64_t seed) {
  Random random(seed);
  std::vector<float> numbers(n);
  for (float& number : numbers) {
    number = 0;
    for (int i = 0; i < 12; ++i) number += static_cast<float>(random.uniform());
    number = (number - 6) * 0.05f;
  }
  return numbers;
}

MatrixSource source_of(const std::vector<float>& numbers) {
  return {.n_rows = kRows, .n_cols = kCols, .read = [&](int64_t row, std::span<float> values) {
            std::copy_n(numbers.begin() + row * kCols, kCols, values.begin());
          }};
}

struct Rounded {
  std::vector<float> values;
  ErrorSums sums;
};

Rounded rounded(DType dtype, const std::vector<float>& numbers, ScaleSearch search, int threads = 1) {
  std::vector<std::byte> bytes(static_cast<size_t>(size_bytes(dtype, {kRows, kCols})));
  BlockCoder coder(dtype, kCols, bytes.data());
  ThreadPool pool(threads);
  Rounded made{std::vector<float>(numbers.size()), round_matrix(pool, source_of(numbers), search, coder)};
  dequantize(dtype, bytes.data(), made.values);
  return made;
}

struct Case {
  DType dtype;
  double most;  // relative squared error of normal numbers with searched scales
};

std::string name_of(const testing::TestParamInfo<Case>& test) {
  return std::string(info(test.param.dtype).name);
}

class BlockCoders : public testing::TestWithParam<Case> {};

TEST_P(BlockCoders, TheErrorThatIsToldIsThatOfTheDecodedBlocks) {
  const std::vector<float> numbers = normal_numbers(kRows * kCols, 1);
  for (const ScaleSearch search : {ScaleSearch::plain, ScaleSearch::least_error}) {
    const Rounded made = rounded(GetParam().dtype, numbers, search);
    double error = 0, total = 0;
    for (size_t i = 0; i < numbers.size(); ++i) {
      error += std::pow(double{made.values[i]} - numbers[i], 2);
      total += std::pow(double{numbers[i]}, 2);
    }
    EXPECT_NEAR(made.sums.relative(), error / total, 1e-5 * error / total);
  }
}

TEST_P(BlockCoders, SearchedScalesLoseLessThanPlainOnesAndNoMoreThanTheyMay) {
  const std::vector<float> numbers = normal_numbers(kRows * kCols, 2);
  const double plain = rounded(GetParam().dtype, numbers, ScaleSearch::plain).sums.relative();
  const double searched = rounded(GetParam().dtype, numbers, ScaleSearch::least_error).sums.relative();
  EXPECT_LT(searched, plain);
  EXPECT_LT(searched, GetParam().most);
}

TEST_P(BlockCoders, NumbersThatLevelsHoldExactlyComeBackExactly) {
  const std::vector<float> zeros(kRows * kCols, 0.0f);
  EXPECT_EQ(rounded(GetParam().dtype, zeros, ScaleSearch::least_error).values, zeros);
}

TEST_P(BlockCoders, ResultsDoNotDependOnThreads) {
  const std::vector<float> numbers = normal_numbers(kRows * kCols, 3);
  const Rounded one = rounded(GetParam().dtype, numbers, ScaleSearch::least_error, 1);
  const Rounded three = rounded(GetParam().dtype, numbers, ScaleSearch::least_error, 3);
  EXPECT_EQ(one.values, three.values);
  EXPECT_EQ(one.sums.error, three.sums.error);
}

TEST_P(BlockCoders, HugeNumbersStayFinite) {
  std::vector<float> numbers = normal_numbers(kRows * kCols, 4);
  numbers[3] = 3e38f;
  numbers[700] = -3e38f;
  for (const float value : rounded(GetParam().dtype, numbers, ScaleSearch::least_error).values)
    ASSERT_TRUE(std::isfinite(value));
}

INSTANTIATE_TEST_SUITE_P(Formats, BlockCoders,
                         testing::Values(Case{DType::q4_0, 9e-3}, Case{DType::q4_1, 7e-3}, Case{DType::q5_0, 2.2e-3},
                                         Case{DType::q5_1, 1.8e-3}, Case{DType::q8_0, 4e-5}, Case{DType::q2_k, 0.11},
                                         Case{DType::q3_k, 0.03}, Case{DType::q4_k, 7e-3}, Case{DType::q5_k, 1.9e-3},
                                         Case{DType::q6_k, 6e-4}, Case{DType::iq4_nl, 7e-3},
                                         Case{DType::iq4_xs, 7.5e-3}, Case{DType::q4_g32, 8e-3},
                                         Case{DType::q4_g128, 1.2e-2}, Case{DType::q8_g32, 4e-5},
                                         Case{DType::q2_g128, 0.15}, Case{DType::q3_g128, 0.045}),
                         name_of);

TEST(BlockCoder, ImportantNumbersLoseLess) {
  const std::vector<float> numbers = normal_numbers(kRows * kCols, 5);
  std::vector<float> importance(kCols, 1.0f);
  for (size_t i = 0; i < importance.size(); i += 8) importance[i] = 100.0f;
  MatrixSource source = source_of(numbers);
  const auto error_of_important = [&] {
    std::vector<std::byte> bytes(static_cast<size_t>(size_bytes(DType::q3_k, {kRows, kCols})));
    BlockCoder coder(DType::q3_k, kCols, bytes.data());
    ThreadPool pool(1);
    round_matrix(pool, source, ScaleSearch::least_error, coder);
    std::vector<float> values(numbers.size());
    dequantize(DType::q3_k, bytes.data(), values);
    double error = 0;
    for (size_t i = 0; i < numbers.size(); i += 8) error += std::pow(double{values[i]} - numbers[i], 2);
    return error;
  };
  const double alike = error_of_important();
  source.importance = importance;
  EXPECT_LT(error_of_important(), 0.6 * alike);
}

TEST(BlockCoder, AFormatThatIsNotMadeIsRefused) {
  EXPECT_FALSE(is_made_in_blocks(DType::mxfp4));
  EXPECT_THROW(BlockCoder(DType::mxfp4, 32, nullptr), Error);
}

}  // namespace
}  // namespace tidemill
