#include "backends/cpu/float_columns.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "backends/cpu/float_matmul.h"
#include "backends/cpu/pack_floats.h"
#include "backends/cpu/test_tensor.h"
#include "tensor/panels.h"
#include "tensor/storage.h"

namespace tidemill {
namespace {

// out = x * matrix by way of panels, a row of x at a time, which every set of instructions takes.
TestTensor by_panels(const Tensor& x, const Tensor& matrix) {
  const int64_t n_terms = matrix.dim(0), n = matrix.dim(1);
  const Storage panels(panel_bytes(DType::f32, n, n_terms));
  pack_column_panels(matrix, 0, panel_count(n), panels.data());
  TestTensor out({x.dim(0), n});
  for (int64_t row = 0; row < x.dim(0); ++row) {
    const Product product{.dtype = DType::f32,
                          .panels = panels.data(),
                          .n_rows = n,
                          .n_cols = n_terms,
                          .out = out.view().row<float>(row),
                          .out_stride = n};
    float_gemv(product, 0, panel_count(n), x.slice(0, row, row + 1));
  }
  return out;
}

TEST(FloatColumns, HaveTheBitsOfPanels) {
  for (const int64_t n_rows : {1, 2, 3, 5, 8, 9, 13, 33}) {
    for (const int64_t n_terms : {1, 2, 7, 16, 17, 255, 256, 257, 600}) {
      for (const int64_t n : {1, 15, 16, 17, 31, 33, 100, 300, 4200}) {
        if (n_rows > 3 && n > 1000) continue;  // stretches of columns are those of one row
        const TestTensor x = TestTensor::random({n_rows, n_terms}, 1);
        // Neither aligned nor contiguous.
        const TestTensor wide = TestTensor::random({n_terms, n + 3}, 2);
        const Tensor matrix = wide.view().slice(1, 1, n + 1);
        TestTensor out({n_rows, n});
        multiply_columns(x.view(), matrix, 0, n, out.view());
        ASSERT_EQ(out, by_panels(x.view(), matrix)) << n_rows << ' ' << n_terms << ' ' << n;
      }
    }
  }
}

TEST(FloatColumns, OfAPieceLeaveTheOthers) {
  const TestTensor x = TestTensor::random({5, 40}, 3), matrix = TestTensor::random({40, 100}, 4);
  for (const int64_t n_rows : {1, 5}) {
    const Tensor some = x.view().slice(0, 0, n_rows);
    TestTensor whole({n_rows, 100}), parts({n_rows, 100});
    multiply_columns(some, matrix.view(), 0, 100, whole.view());
    multiply_columns(some, matrix.view(), 48, 100, parts.view());
    EXPECT_TRUE(std::isnan(parts.data()[47]));
    multiply_columns(some, matrix.view(), 0, 48, parts.view());
    EXPECT_EQ(whole, parts);
  }
}

TEST(FloatColumns, NumbersThatAreNoneStayWithTheirColumns) {
  TestTensor x = TestTensor::random({2, 20}, 5), matrix = TestTensor::random({20, 50}, 6);
  matrix.data()[3 * 50 + 7] = std::numeric_limits<float>::infinity();
  matrix.data()[4 * 50 + 49] = std::numeric_limits<float>::quiet_NaN();
  TestTensor out({2, 50});
  multiply_columns(x.view(), matrix.view(), 0, 50, out.view());
  for (int64_t i = 0; i < 100; ++i) {
    if (i % 50 == 7) {
      EXPECT_TRUE(std::isinf(out.data()[i])) << i;
    } else {
      EXPECT_EQ(std::isnan(out.data()[i]), i % 50 == 49) << i;
    }
  }
}

}  // namespace
}  // namespace tidemill
