#include "backends/cpu/softmax.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "backends/cpu/dot.h"
#include "backends/cpu/test_tensor.h"

namespace tidemill {
namespace {

TEST(Softmax, OfEveryWidth) {
  for (int64_t width = 1; width < 140; ++width) {
    const TestTensor x = TestTensor::random({3, width}, static_cast<uint32_t>(width), 5);
    TestTensor out({3, width});
    softmax_rows(x.view().as<float>(), out.data(), 3, width);
    for (int64_t row = 0; row < 3; ++row) {
      const float* const from = x.view().row<float>(row);
      const double greatest = *std::max_element(from, from + width);
      double sum = 0;
      for (int64_t i = 0; i < width; ++i) sum += std::exp(double{from[i]});
      for (int64_t i = 0; i < width; ++i) {
        const double expected = std::exp(double{from[i]}) / sum;
        const double rounded = 0x1p-24 * (greatest - from[i]);  // the difference to the greatest is a float
        ASSERT_NEAR(out.data()[row * width + i], expected, (6e-7 + rounded) * expected) << width;
      }
    }
  }
}

TEST(Softmax, ColumnsAreRowsOfTheTranspose) {
  for (int64_t n_columns = 1; n_columns < 140; n_columns += 3) {
    constexpr int64_t kRows = 21;
    const TestTensor x = TestTensor::random({kRows, n_columns + 5}, static_cast<uint32_t>(n_columns), 3);
    TestTensor out({kRows, n_columns}), column({1, kRows});
    softmax_columns(x.view().as<float>(), n_columns + 5, out.data(), n_columns, kRows, n_columns);
    for (int64_t j = 0; j < n_columns; ++j) {
      for (int64_t i = 0; i < kRows; ++i) column.data()[i] = x.view().row<float>(i)[j];
      softmax_rows(column.data(), column.data(), 1, kRows);
      for (int64_t i = 0; i < kRows; ++i) {
        const float expected = column.data()[i];
        ASSERT_NEAR(out.view().row<float>(i)[j], expected, 1e-6 * expected) << n_columns;
      }
    }
  }
}

TEST(Softmax, LargeNumbersDoNotOverflow) {
  float x[] = {3e38f, -3e38f, 3e38f};
  softmax_rows(x, x, 1, 3);
  EXPECT_EQ(x[0], 0.5f);
  EXPECT_EQ(x[1], 0.0f);
}

TEST(Dot, OfEveryLength) {
  for (int64_t n = 0; n < 300; ++n) {
    const TestTensor a = TestTensor::random({n}, 1), b = TestTensor::random({n}, 2);
    double expected = 0, magnitude = 0;
    std::vector<double> left, right;
    for (int64_t i = 0; i < n; ++i) {
      left.push_back(a.view().as<float>()[i]);
      right.push_back(b.view().as<float>()[i]);
      expected += left.back() * right.back();
      magnitude += std::fabs(left.back() * right.back());
    }
    ASSERT_NEAR(dot(a.view().as<float>(), b.view().as<float>(), n), expected, 3e-7 * magnitude) << n;
    ASSERT_NEAR(dot(left.data(), right.data(), n), expected, 1e-15 * magnitude) << n;
  }
}

}  // namespace
}  // namespace tidemill
