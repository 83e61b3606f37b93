#include "backends/cpu/matmul.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "backends/cpu/bf16_matmul.h"
#include "backends/cpu/random_weights.h"
#include "tensor/dequantize.h"
#include "tensor/half.h"
#include "tensor/panels.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

constexpr Precision kPrecisions[] = {Precision::fast, Precision::int8, Precision::f32};

// Rows of activations as they are in a model: of different sizes, with some outliers, and one row of zeros.
std::vector<float> random_activations(int64_t n_rows, int64_t n_cols, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<size_t>(n_rows * n_cols));
  for (int64_t m = 0; m < n_rows; ++m) {
    const float size = m == 3 ? 0.0f : std::exp(normal(random));
    for (int64_t k = 0; k < n_cols; ++k) {
      const float outlier = random() % 100 == 0 ? 20.0f : 1.0f;
      x[m * n_cols + k] = size * outlier * normal(random);
    }
  }
  return x;
}

struct Matrix {
  Matrix(int64_t n_rows, int64_t n_cols)
      : values(static_cast<size_t>(n_rows * n_cols)), tensor(values.data(), DType::f32, {n_rows, n_cols}) {}
  explicit Matrix(std::vector<float> content, int64_t n_cols)
      : values(std::move(content)),
        tensor(values.data(), DType::f32, {static_cast<int64_t>(values.size()) / n_cols, n_cols}) {}

  std::vector<float> values;
  Tensor tensor;
};

Matrix multiply(MatmulContext& context, const Tensor& x, const Tensor& weight) {
  Matrix out(x.dim(0), weight.dim(0));
  matmul(context, {&x, 1}, {&weight, 1}, {&out.tensor, 1});
  return out;
}

bool same_bits(const float* a, const float* b, int64_t n) {
  return std::memcmp(a, b, static_cast<size_t>(n) * sizeof(float)) == 0;
}

// x as quantize_rows sees it, dequantised; and the greatest error that rounding may make of each element.
struct Rounded {
  std::vector<float> x;
  std::vector<float> bound;
};

// Element i of a group as an integer, and how far from it x may lie.
std::pair<int, float> element_of(const ActivationGroup& group, ActivationForm form, int i) {
  const int high = 256 * group.high[i];
  if (form == ActivationForm::bytes) return {high, 128.01f};
  if (form == ActivationForm::halves) return {high + group.low[i], 1.01f};  // more than half: low ends at 127
  const int low = group.low[i % 16];
  if (i >= 16) return {high + 16 * low, 8.01f};
  return {high + low, low == -112 ? 24.01f : 8.01f};  // -128 is rounded on to there
}

Rounded round_activations(const Tensor& x, ActivationForm form) {
  const int64_t n_rows = x.dim(0), n_cols = x.dim(1), n_groups = n_cols / 32;
  const int64_t stride = QuantizedRows::stride_for(n_cols);
  std::vector<ActivationGroup> groups(static_cast<size_t>(n_rows * stride));
  std::vector<float> scale(static_cast<size_t>(n_rows * n_groups));
  std::vector<int32_t> sums(scale.size() * 2);
  quantize_rows(x, 0, n_rows, {n_cols, form, stride, groups.data(), scale.data(), sums.data()});
  Rounded out;
  for (int64_t m = 0; m < n_rows; ++m) {
    for (int64_t k = 0; k < n_cols; ++k) {
      const auto [element, distance] = element_of(groups[m * stride + k / 32], form, static_cast<int>(k % 32));
      const float unit = scale[m * n_groups + k / 32];
      out.x.push_back(unit * static_cast<float>(element));
      out.bound.push_back(unit * distance);
    }
  }
  return out;
}

std::vector<std::vector<float>> dequantized(const RandomWeight& weight) {
  std::vector<std::vector<float>> rows;
  for (int64_t n = 0; n < weight.rows.dim(0); ++n) {
    rows.emplace_back(static_cast<size_t>(weight.rows.dim(1)));
    dequantize(weight.rows.dtype(), weight.rows.row<std::byte>(n), rows.back());
  }
  return rows;
}

class MatmulTest : public testing::TestWithParam<DType> {
 protected:
  static bool is_quantized() { return panel_format(GetParam()).is_quantized(); }
  // Numbers of columns that end in partial superblocks and blocks, where the format has them.
  static std::vector<int64_t> column_counts() {
    const int block = info(GetParam()).block_length;
    if (block == 1) return {1, 7, 256, 301, 1000};
    if (block == 32) return {32, 96, 256, 288, 640, 1056, 2080};
    if (block == 128) return {128, 256, 640, 1408};
    return {256, 512, 1024, 1792};
  }

  // The same rounded activations in double precision, and the distance that rounding explains.
  void expect_exact_but_for_rounding(Precision precision) {
    MatmulContext context(pool_, precision);
    for (const int64_t n_cols : column_counts()) {
      for (const int64_t n_rows : {1, 16, 39}) {
        const RandomWeight weight(pool_, GetParam(), n_rows, n_cols, 5);
        const std::vector<std::vector<float>> w = dequantized(weight);
        for (const int64_t n_x : {1, 2, 7, 25}) {
          const Matrix x(random_activations(n_x, n_cols, 9), n_cols);
          const Rounded rounded = round_activations(x.tensor, activation_form(panel_format(GetParam()), precision));
          const Matrix found = multiply(context, x.tensor, weight.panels);
          for (int64_t m = 0; m < n_x; ++m) {
            for (int64_t n = 0; n < n_rows; ++n) {
              double exact = 0, sum = 0, size = 0, bound = 0;
              for (int64_t k = 0; k < n_cols; ++k) {
                const int64_t i = m * n_cols + k;
                exact += double{w[n][k]} * x.values[i];
                sum += double{w[n][k]} * rounded.x[i];
                // A sum of codes and a sum of mins cancel: the error goes with the larger of them.
                size += std::fabs(double{w[n][k]} * rounded.x[i]);
                bound += std::fabs(w[n][k]) * rounded.bound[i];
              }
              const double slack = 2e-6 * size * (panel_format(GetParam()).has_min() ? 20 : 1);
              ASSERT_NEAR(found.values[m * n_rows + n], sum, slack)
                  << "element " << m << ", " << n << " of [" << n_x << ", " << n_rows << "], K = " << n_cols;
              ASSERT_NEAR(found.values[m * n_rows + n], exact, bound + slack);
            }
          }
        }
      }
    }
  }

  ThreadPool pool_{3};
};

// One thread takes several panels at once.
TEST_P(MatmulTest, BitsOfARowAloneAreThoseInABatchForOneThreadToo) {
  ThreadPool one(1);
  for (const Precision precision : kPrecisions) {
    MatmulContext alone(one, precision), many(pool_, precision);
    for (const int64_t n_cols : column_counts()) {
      const RandomWeight weight(pool_, GetParam(), 85, n_cols, 5);
      const Matrix x(random_activations(7, n_cols, 9), n_cols);
      const Matrix expected = multiply(many, x.tensor, weight.panels);
      for (int64_t m = 0; m < 7; ++m) {
        const Matrix found = multiply(alone, x.tensor.slice(0, m, m + 1), weight.panels);
        ASSERT_TRUE(same_bits(found.values.data(), expected.tensor.row<float>(m), 85)) << "K = " << n_cols;
      }
    }
  }
}

// Without quantised activations: double precision says what is right.
TEST_P(MatmulTest, FloatPrecisionMatchesDoubleReference) {
  MatmulContext context(pool_, Precision::f32);
  for (const int64_t n_cols : column_counts()) {
    for (const int64_t n_rows : {1, 16, 39}) {
      const RandomWeight weight(pool_, GetParam(), n_rows, n_cols, 5);
      const std::vector<std::vector<float>> w = dequantized(weight);
      for (const int64_t n_x : {1, 2, 3, 7, 25}) {
        const Matrix x(random_activations(n_x, n_cols, 9), n_cols);
        const Matrix found = multiply(context, x.tensor, weight.panels);
        for (int64_t m = 0; m < n_x; ++m) {
          for (int64_t n = 0; n < n_rows; ++n) {
            double sum = 0, size = 0;
            for (int64_t k = 0; k < n_cols; ++k) {
              const double product = double{w[n][k]} * x.values[m * n_cols + k];
              sum += product;
              size += std::fabs(product);
            }
            ASSERT_NEAR(found.values[m * n_rows + n], sum, 1e-6 * size)
                << "element " << m << ", " << n << " of [" << n_x << ", " << n_rows << "], K = " << n_cols;
          }
        }
      }
    }
  }
}

TEST_P(MatmulTest, ProductsAreExactButForTheRoundingOfActivations) {
  if (!is_quantized()) GTEST_SKIP() << "float weights do not quantise activations";
  expect_exact_but_for_rounding(Precision::fast);
  expect_exact_but_for_rounding(Precision::int8);
}

TEST_P(MatmulTest, ARowHasTheSameBitsInEveryBatch) {
  const int64_t n_cols = 1280, n_rows = 85;
  const RandomWeight weight(pool_, GetParam(), n_rows, n_cols, 21);
  const Matrix x(random_activations(40, n_cols, 23), n_cols);
  for (const Precision precision : kPrecisions) {
    MatmulContext context(pool_, precision);
    Matrix alone(40, n_rows);
    for (int64_t m = 0; m < 40; ++m) {
      const Matrix row = multiply(context, x.tensor.slice(0, m, m + 1), weight.panels);
      std::memcpy(alone.tensor.row<float>(m), row.values.data(), row.values.size() * sizeof(float));
    }
    for (int64_t n_x = 1; n_x <= 40; ++n_x) {
      const int64_t first = n_x % 2 == 0 ? 40 - n_x : 0;
      const Matrix batch = multiply(context, x.tensor.slice(0, first, first + n_x), weight.panels);
      ASSERT_TRUE(same_bits(batch.values.data(), alone.tensor.row<float>(first), n_x * n_rows)) << n_x << " rows";
    }
  }
}

TEST_P(MatmulTest, ThreadsAndCompanyDoNotChangeBits) {
  const int64_t n_cols = 768;
  const RandomWeight weight(pool_, GetParam(), 100, n_cols, 31);
  const RandomWeight q8(pool_, DType::q8_0, 33, n_cols, 32), q4(pool_, DType::q4_k, 50, n_cols, 33);
  const RandomWeight f16(pool_, DType::f16, 20, n_cols, 34);
  ThreadPool one(1);
  for (const Precision precision : kPrecisions) {
    MatmulContext context(pool_, precision), alone(one, precision);
    for (const int64_t n_x : {1, 5, 200, 600}) {
      const Matrix x(random_activations(n_x, n_cols, 35), n_cols);
      const Matrix expected = multiply(alone, x.tensor, weight.panels);
      Matrix a(n_x, 33), b(n_x, 100), c(n_x, 50), d(n_x, 20), e(n_x, 100);
      const Tensor weights[] = {q8.panels, weight.panels, q4.panels, f16.panels, weight.panels};
      const Tensor outs[] = {a.tensor, b.tensor, c.tensor, d.tensor, e.tensor};
      matmul(context, {&x.tensor, 1}, weights, outs);
      ASSERT_TRUE(same_bits(b.values.data(), expected.values.data(), n_x * 100)) << n_x << " rows";
      ASSERT_TRUE(same_bits(e.values.data(), expected.values.data(), n_x * 100)) << n_x << " rows";
      ASSERT_TRUE(same_bits(d.values.data(), multiply(alone, x.tensor, f16.panels).values.data(), n_x * 20));
    }
  }
}

TEST_P(MatmulTest, InputsOfTheirOwnGiveTheBitsOfProductsAlone) {
  const RandomWeight wide(pool_, GetParam(), 100, 768, 41), narrow(pool_, GetParam(), 40, 256, 42);
  const RandomWeight q8(pool_, DType::q8_0, 33, 256, 43), f16(pool_, DType::f16, 20, 256, 44);
  for (const Precision precision : kPrecisions) {
    MatmulContext context(pool_, precision);
    for (const int64_t n_x : {1, 5, 600}) {
      const Matrix x(random_activations(n_x, 768, 45), 768), y(random_activations(n_x, 256, 46), 256),
          z(random_activations(n_x, 256, 47), 256);
      const Tensor xs[] = {x.tensor, y.tensor, z.tensor, y.tensor};
      const Tensor weights[] = {wide.panels, narrow.panels, q8.panels, f16.panels};
      Matrix a(n_x, 100), b(n_x, 40), c(n_x, 33), d(n_x, 20);
      const Tensor outs[] = {a.tensor, b.tensor, c.tensor, d.tensor};
      matmul(context, xs, weights, outs);
      for (size_t j = 0; j < 4; ++j) {
        const Matrix expected = multiply(context, xs[j], weights[j]);
        ASSERT_TRUE(same_bits(outs[j].as<float>(), expected.values.data(), outs[j].n_elements())) << n_x << ", " << j;
      }
    }
  }
}

// Weights whose columns lie in another order meet the activations in that order; those of one input and one order
// share what is made of it.
TEST(ColumnOrder, ProductsAreThoseOfColumnsInOrder) {
  ThreadPool pool(3);
  constexpr int64_t kCols = 384;
  std::vector<int32_t> order(kCols), other(kCols);
  for (int64_t k = 0; k < kCols; ++k)
    order[k] = static_cast<int32_t>((k * 7 + 3) % kCols), other[k] = order[kCols - 1 - k];
  for (const DType dtype : {DType::q4_g128, DType::q3_g128, DType::q8_g32, DType::f32, DType::bf16}) {
    for (const Precision precision : kPrecisions) {
      MatmulContext context(pool, precision);
      const RandomWeight weight(pool, dtype, 39, kCols, 5), second(pool, dtype, 20, kCols, 6);
      for (const int64_t n_x : {1, 3, 40}) {
        const Matrix x(random_activations(n_x, kCols, 9), kCols);
        Matrix turned(n_x, kCols), reversed(n_x, kCols);  // as the columns of each order want them
        for (int64_t m = 0; m < n_x; ++m) {
          for (int64_t k = 0; k < kCols; ++k) {
            turned.values[m * kCols + k] = x.values[m * kCols + order[k]];
            reversed.values[m * kCols + k] = x.values[m * kCols + other[k]];
          }
        }
        const Matrix expected[] = {
            multiply(context, turned.tensor, weight.panels), multiply(context, turned.tensor, second.panels),
            multiply(context, reversed.tensor, weight.panels), multiply(context, x.tensor, weight.panels)};
        const Tensor weights[] = {weight.panels.with_column_order(order.data()),
                                  second.panels.with_column_order(order.data()),
                                  weight.panels.with_column_order(other.data()), weight.panels};
        std::vector<Matrix> found;
        std::vector<Tensor> outs;
        for (const Tensor& one : weights) found.emplace_back(n_x, one.dim(0));
        for (const Matrix& one : found) outs.push_back(one.tensor);
        matmul(context, {&x.tensor, 1}, weights, outs);
        for (size_t j = 0; j < found.size(); ++j)
          EXPECT_EQ(found[j].values, expected[j].values) << info(dtype).name << ", product " << j << ", " << n_x;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(DTypes, MatmulTest, testing::ValuesIn(kPanelDTypes),
                         [](const auto& test) { return std::string(tidemill::info(test.param).name); });

// Length of the difference that rounding makes to products with 32,768 weights, beside the length of the products.
double rounding_error(DType dtype, Precision precision) {
  ThreadPool pool(2);
  MatmulContext fast(pool, precision), exact(pool, Precision::f32);
  const int64_t n_cols = 64, n_rows = 32768;
  const RandomWeight weight(pool, dtype, n_rows, n_cols, 41);
  const Matrix x(random_activations(2, n_cols, 42), n_cols);
  const Matrix found = multiply(fast, x.tensor, weight.panels), expected = multiply(exact, x.tensor, weight.panels);
  double error = 0, size = 0;
  for (size_t i = 0; i < found.values.size(); ++i) {
    error += std::pow(found.values[i] - expected.values[i], 2);
    size += std::pow(expected.values[i], 2);
  }
  return std::sqrt(error / size);
}

TEST(Matmul, AnOutputHeadRoundsAllActivationsFinely) {
  EXPECT_LT(rounding_error(DType::q8_0, Precision::fast), 1e-4);
}

TEST(Matmul, PairsRoundToTwelveBits) {
  EXPECT_LT(rounding_error(DType::q4_0, Precision::fast), 1e-3);
}

TEST(Matmul, BytesRoundToEightBits) {
  EXPECT_LT(rounding_error(DType::q8_0, Precision::int8), 2e-2);
  EXPECT_LT(rounding_error(DType::q4_0, Precision::int8), 2e-2);
}

TEST(Matmul, TheGreatestOfAGroupIsTheGreatestByte) {
  const Matrix x(random_activations(2, 64, 9), 64);
  std::vector<ActivationGroup> groups(6);
  std::vector<float> scale(4);
  std::vector<int32_t> sums(8);
  quantize_rows(x.tensor, 0, 2, {64, ActivationForm::bytes, 3, groups.data(), scale.data(), sums.data()});
  for (const int i : {0, 1, 3, 4}) {
    int greatest = 0, low = 0;
    for (const int8_t number : groups[i].high) greatest = std::max(greatest, std::abs(int{number}));
    for (const int8_t number : groups[i].low) low = std::max(low, std::abs(int{number}));
    EXPECT_EQ(greatest, 127);
    EXPECT_EQ(low, 0);
  }
}

float rounded_to_bf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
  std::memcpy(&value, &bits, sizeof bits);
  return value;
}

TEST(Matmul, Bf16IsExactButForTheRoundingOfActivations) {
  if (!has_bf16_products()) GTEST_SKIP() << "this processor or instruction set does not multiply bf16";
  ThreadPool pool(2);
  MatmulContext context(pool, Precision::fast);
  for (const int64_t n_cols : {1, 7, 64, 256, 301, 1000}) {
    const RandomWeight weight(pool, DType::bf16, 85, n_cols, 5);
    const std::vector<std::vector<float>> w = dequantized(weight);
    for (const int64_t n_x : {1, 2, 7, 25}) {
      const Matrix x(random_activations(n_x, n_cols, 9), n_cols);
      const Matrix found = multiply(context, x.tensor, weight.panels);
      for (int64_t i = 0; i < n_x * 85; ++i) {
        double sum = 0, size = 0;
        for (int64_t k = 0; k < n_cols; ++k) {
          const double product = double{w[i % 85][k]} * rounded_to_bf16(x.values[i / 85 * n_cols + k]);
          sum += product;
          size += std::fabs(product);
        }
        ASSERT_NEAR(found.values[i], sum, 1e-6 * size) << "element " << i << " of " << n_x << " rows, K = " << n_cols;
      }
    }
  }
}

TEST(Matmul, ManyRowsOfManyColumns) {
  ThreadPool pool(2);
  MatmulContext context(pool, Precision::fast);
  const int64_t n_cols = 32768;
  const RandomWeight weight(pool, DType::q4_0, 17, n_cols, 51);
  const Matrix x(random_activations(3, n_cols, 52), n_cols);
  const Matrix all = multiply(context, x.tensor, weight.panels);
  const Matrix last = multiply(context, x.tensor.slice(0, 2, 3), weight.panels);
  EXPECT_TRUE(same_bits(last.values.data(), all.tensor.row<float>(2), 17));
}

TEST(Matmul, NotANumberIsNotHidden) {
  ThreadPool pool(1);
  MatmulContext context(pool, Precision::fast);
  for (const DType dtype : {DType::q5_0, DType::q4_0, DType::bf16}) {
    const RandomWeight weight(pool, dtype, 16, 64, 61);
    Matrix x(random_activations(2, 64, 62), 64);
    x.values[40] = std::nanf("");
    const Matrix found = multiply(context, x.tensor, weight.panels);
    for (int n = 0; n < 16; ++n) {
      EXPECT_TRUE(std::isnan(found.values[n]));
      EXPECT_TRUE(std::isfinite(found.values[16 + n]));
    }
  }
}

TEST(Matmul, EveryF16CountsAsItIs) {
  constexpr int64_t kNumbers = 65536;
  ThreadPool pool(2);
  MatmulContext context(pool, Precision::fast);
  const bool is_scalar = active_isa() == "scalar";  // Highway makes large numbers of infinity and NaN there
  std::vector<F16Bits> bits(kNumbers);
  std::iota(bits.begin(), bits.end(), F16Bits{0});
  Storage memory(panel_bytes(DType::f16, kNumbers, 1));
  const Tensor weight = pack_panels(pool, Tensor(bits.data(), DType::f16, {kNumbers, 1}), memory.data());
  for (const int64_t n_x : {1, 40}) {
    const Matrix x(std::vector<float>(static_cast<size_t>(n_x), 1.0f), 1);
    const Matrix found = multiply(context, x.tensor, weight);
    for (int64_t i = 0; i < kNumbers; ++i) {
      const float expected = f16_to_f32(bits[i]), last = found.tensor.row<float>(n_x - 1)[i];
      if (std::isnan(expected)) {
        ASSERT_TRUE(is_scalar || std::isnan(last)) << i;
      } else if (!is_scalar || std::isfinite(expected)) {
        ASSERT_EQ(last, expected) << i;
      }
    }
  }
}

TEST(Matmul, NoRowsOrNoWeightsAreFine) {
  ThreadPool pool(2);
  MatmulContext context(pool, Precision::fast);
  const RandomWeight weight(pool, DType::q5_0, 16, 64, 61);
  float nothing = 0;
  const Tensor x(&nothing, DType::f32, {0, 64}), out(&nothing, DType::f32, {0, 16});
  matmul(context, {&x, 1}, {&weight.panels, 1}, {&out, 1});
  matmul(context, {&x, 1}, {}, {});
}

TEST(Matmul, AWarmContextKeepsItsScratch) {
  ThreadPool pool(2);
  MatmulContext context(pool, Precision::fast);
  const RandomWeight weight(pool, DType::q6_k, 64, 512, 71);
  const Matrix x(random_activations(600, 512, 72), 512);
  multiply(context, x.tensor, weight.panels);
  const int64_t warm = context.scratch_bytes();
  multiply(context, x.tensor.slice(0, 0, 1), weight.panels);
  multiply(context, x.tensor, weight.panels);
  EXPECT_EQ(context.scratch_bytes(), warm);
  EXPECT_LT(warm, 4 << 20);
}

TEST(Matmul, WeightsInRowsAreRefused) {
  ThreadPool pool(1);
  MatmulContext context(pool, Precision::fast);
  const RandomWeight weight(pool, DType::f32, 4, 8, 81);
  const Matrix x(random_activations(1, 8, 82), 8);
  EXPECT_THROW(multiply(context, x.tensor, weight.rows), Error);
}

}  // namespace
}  // namespace tidemill
