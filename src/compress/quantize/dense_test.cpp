#include "compress/quantize/dense.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sys/random.h"

namespace tidemill {
namespace {

// Rows of `width` random numbers, zeros behind them.
std::vector<float> random_rows(int64_t n_rows, int64_t width, uint64_t seed) {
  Random random(seed);
  std::vector<float> rows(static_cast<size_t>(n_rows * dense_stride(width)));
  for (int64_t row = 0; row < n_rows; ++row)
    for (int64_t c = 0; c < width; ++c)
      rows[static_cast<size_t>(row * dense_stride(width) + c)] = static_cast<float>(random.uniform()) - 0.4f;
  return rows;
}

SquareMatrix gram_of(ThreadPool& pool, int64_t n, int64_t n_rows) {
  SquareMatrix gram(n);
  add_gram(pool, random_rows(n_rows, n, 3).data(), n_rows, gram);
  mirror(gram);
  return gram;
}

class Dense : public testing::TestWithParam<int> {};  // the size of a matrix

TEST_P(Dense, AGramMatrixIsTheSumOfProducts) {
  const int64_t n = GetParam(), n_rows = 37, stride = dense_stride(n);
  ThreadPool pool(2);
  const std::vector<float> x = random_rows(n_rows, n, 3);
  const SquareMatrix gram = gram_of(pool, n, n_rows);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t t = 0; t < n_rows; ++t)
        sum += double{x[static_cast<size_t>(t * stride + i)]} * x[static_cast<size_t>(t * stride + j)];
      ASSERT_NEAR(gram.row(i)[j], sum, 1e-4) << i << ' ' << j;
    }
  }
}

TEST_P(Dense, AQuadraticFormIsTheSumOverAllPairs) {
  const int64_t n = GetParam(), stride = dense_stride(n);
  const std::vector<float> x = random_rows(1, n, 5), numbers = random_rows(n, n, 6);
  std::vector<float> square(static_cast<size_t>(stride * stride));
  std::ranges::copy(numbers, square.begin());
  double sum = 0, size = 0;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const double term =
          double{x[static_cast<size_t>(i)]} * numbers[static_cast<size_t>(i * stride + j)] * x[static_cast<size_t>(j)];
      sum += term;
      size += std::fabs(term);
    }
  }
  EXPECT_NEAR(quadratic_form(square.data(), stride, x.data()), sum, 1e-6 * size + 1e-7);
}

TEST_P(Dense, TheUpperFactorTimesItsTransposeIsTheMatrix) {
  const int64_t n = GetParam();
  ThreadPool pool(3);
  SquareMatrix matrix = gram_of(pool, n, 3 * n + 5);
  for (int64_t i = 0; i < n; ++i) matrix.row(i)[i] += 1;
  SquareMatrix factor = matrix;
  ASSERT_TRUE(factor_upper(pool, factor));
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = i; j < n; ++j) {
      double sum = 0;
      for (int64_t k = j; k < n; ++k) sum += double{factor.row(i)[k]} * factor.row(j)[k];
      ASSERT_NEAR(sum, matrix.row(i)[j], 1e-3 * matrix.row(0)[0]) << i << ' ' << j;
    }
  }
}

TEST_P(Dense, AProductIsAddedToColumnsOfARange) {
  const int64_t n = GetParam(), stride = dense_stride(n), n_rows = 11;
  const std::vector<float> a = random_rows(n_rows, n, 5), b = random_rows(n, n, 6);
  std::vector<float> target = random_rows(n_rows, n, 7);
  const std::vector<float> before = target;
  const int64_t begin = stride > 16 ? 16 : 0;
  add_product(a.data(), stride, b.data(), stride, n_rows, n, begin, stride, target.data(), stride);
  for (int64_t row = 0; row < n_rows; ++row) {
    for (int64_t c = 0; c < stride; ++c) {
      const auto at = static_cast<size_t>(row * stride + c);
      double sum = before[at];
      for (int64_t k = 0; k < n && c >= begin; ++k)
        sum += double{a[static_cast<size_t>(row * stride + k)]} * b[static_cast<size_t>(k * stride + c)];
      ASSERT_NEAR(target[at], sum, 1e-3) << row << ' ' << c;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, Dense, testing::Values(1, 5, 16, 32, 33, 70, 128, 150));

TEST(DenseMatrix, WhatIsNotPositiveDefiniteIsTold) {
  ThreadPool pool(1);
  SquareMatrix matrix(4);
  for (int64_t i = 0; i < 4; ++i) matrix.row(i)[i] = i == 2 ? -1.0f : 1.0f;
  EXPECT_FALSE(factor_upper(pool, matrix));
}

TEST(DenseMatrix, ScaledRowsAreAddedFromAnyColumn) {
  const std::vector<float> source = random_rows(1, 64, 9);
  for (const int64_t begin : {0, 3, 17, 63}) {
    std::vector<float> target(64, 1.0f);
    add_scaled(2.0f, source.data(), begin, 64, target.data());
    for (int64_t c = 0; c < 64; ++c)
      ASSERT_FLOAT_EQ(target[static_cast<size_t>(c)], c < begin ? 1.0f : 1.0f + 2.0f * source[static_cast<size_t>(c)]);
  }
}

}  // namespace
}  // namespace tidemill
