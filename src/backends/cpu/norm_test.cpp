#include "backends/cpu/norm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "backends/cpu/test_tensor.h"
#include "ops/reference.h"

namespace tidemill {
namespace {

TEST(NormTest, AgreesWithTheReferenceForEveryWidth) {
  ThreadPool pool(2);
  for (const int64_t width : {1, 3, 7, 16, 33, 64, 79, 100, 256, 640, 641, 2049}) {
    SCOPED_TRACE(width);
    const TestTensor x = TestTensor::random({5, 3, width}, 1, 3.0f), weight = TestTensor::random({width}, 2);
    TestTensor found({5, 3, width}), expected({5, 3, width});
    compute(pool, op::RmsNorm{x.view(), weight.view(), 1e-6f, found.view()});
    ReferenceKernels().run(op::RmsNorm{x.view(), weight.view(), 1e-6f, expected.view()});
    for (int64_t i = 0; i < 15 * width; ++i) {
      ASSERT_NEAR(found.data()[i], expected.data()[i], 1e-6f * std::fabs(expected.data()[i])) << i;
    }
  }
}

TEST(NormTest, LayerNormAgreesWithTheReferenceForEveryWidth) {
  ThreadPool pool(2);
  for (const int64_t width : {1, 3, 7, 16, 33, 64, 79, 100, 256, 640, 641, 2049}) {
    SCOPED_TRACE(width);
    const TestTensor weight = TestTensor::random({width}, 2), bias = TestTensor::random({width}, 3);
    TestTensor x = TestTensor::random({5, 3, width}, 1, 3.0f), found({5, 3, width}), expected({5, 3, width});
    for (int64_t i = 0; i < 15 * width; ++i) x.data()[i] += 10.0f;  // the mean matters
    for (const Tensor& maybe_bias : {bias.view(), Tensor()}) {
      compute(pool, op::LayerNorm{x.view(), weight.view(), maybe_bias, 1e-5f, found.view()});
      ReferenceKernels().run(op::LayerNorm{x.view(), weight.view(), maybe_bias, 1e-5f, expected.view()});
      for (int64_t i = 0; i < 15 * width; ++i) ASSERT_NEAR(found.data()[i], expected.data()[i], 2e-5f) << i;
    }
  }
}

TEST(NormTest, ARowDoesNotDependOnTheOthersOrOnThreads) {
  const int64_t n_rows = 300, width = 257;
  const TestTensor x = TestTensor::random({n_rows, width}, 1), weight = TestTensor::random({width}, 2);
  TestTensor expected({n_rows, width});
  ThreadPool one(1);
  for (int64_t row = 0; row < n_rows; ++row) {
    compute(one,
            op::RmsNorm{x.view().slice(0, row, row + 1), weight.view(), 1e-6f, expected.view().slice(0, row, row + 1)});
  }
  for (int n_threads = 1; n_threads <= 4; ++n_threads) {
    ThreadPool pool(n_threads);
    TestTensor found({n_rows, width});
    compute(pool, op::RmsNorm{x.view(), weight.view(), 1e-6f, found.view()});
    EXPECT_TRUE(found == expected) << n_threads << " threads";
  }
}

TEST(NormTest, ARowOfLayerNormDoesNotDependOnTheOthersOrOnThreads) {
  const int64_t n_rows = 300, width = 257;
  const TestTensor x = TestTensor::random({n_rows, width}, 1), weight = TestTensor::random({width}, 2);
  TestTensor expected({n_rows, width});
  ThreadPool one(1);
  for (int64_t row = 0; row < n_rows; ++row) {
    const Tensor out = expected.view().slice(0, row, row + 1);
    compute(one, op::LayerNorm{x.view().slice(0, row, row + 1), weight.view(), weight.view(), 1e-6f, out});
  }
  for (int n_threads = 1; n_threads <= 4; ++n_threads) {
    ThreadPool pool(n_threads);
    TestTensor found({n_rows, width});
    compute(pool, op::LayerNorm{x.view(), weight.view(), weight.view(), 1e-6f, found.view()});
    EXPECT_TRUE(found == expected) << n_threads << " threads";
  }
}

TEST(NormTest, GroupsAreNormalisedOnTheirOwnWithTheirOwnWeights) {
  ThreadPool pool(2);
  for (const int64_t width : {1, 8, 20, 33, 64}) {
    SCOPED_TRACE(width);
    const int64_t n_rows = 9, n_groups = 5;
    const Shape shape{n_rows, n_groups * width};
    const TestTensor x = TestTensor::random(shape, 1, 3.0f), weight = TestTensor::random({n_groups * width}, 2),
                     bias = TestTensor::random({n_groups * width}, 3);
    const auto expect_like_reference = [&](auto operation) {
      TestTensor found(shape), expected(shape), alone(shape);
      operation.n_groups = n_groups;
      operation.out = expected.view();
      ReferenceKernels().run(operation);
      operation.out = found.view();
      compute(pool, operation);
      for (int64_t i = 0; i < shape.n_elements(); ++i) ASSERT_NEAR(found.data()[i], expected.data()[i], 4e-6f) << i;
      // In place, and a row alone.
      const TestTensor copy(shape);
      std::copy_n(x.view().as<float>(), shape.n_elements(), copy.view().as<float>());
      operation.x = operation.out = copy.view();
      compute(pool, operation);
      EXPECT_TRUE(copy == found);
      operation.x = x.view().slice(0, 3, 4);
      operation.out = alone.view().slice(0, 3, 4);
      compute(pool, operation);
      const float* const row = found.view().row<float>(3);
      EXPECT_TRUE(std::equal(row, row + n_groups * width, alone.view().row<float>(3)));
    };
    expect_like_reference(op::RmsNorm{x.view(), weight.view(), 1e-5f, {}});
    expect_like_reference(op::LayerNorm{x.view(), weight.view(), bias.view(), 1e-3f, {}});
    expect_like_reference(op::L2Norm{x.view(), weight.view(), 1e-6f, {}});
    expect_like_reference(op::L2Norm{x.view(), {}, 1e-6f, {}});
  }
}

TEST(NormTest, ZerosStayZeroAndNanStaysInItsRow) {
  ThreadPool pool(1);
  TestTensor x = TestTensor::random({3, 20}, 1), weight = TestTensor::random({20}, 2);
  std::fill_n(x.data(), 20, 0.0f);
  x.data()[25] = std::nanf("");
  TestTensor& out = x;  // in place
  compute(pool, op::RmsNorm{x.view(), weight.view(), 1e-6f, out.view()});
  for (int64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(out.data()[i], 0.0f);
    EXPECT_TRUE(std::isnan(out.data()[20 + i]));
    EXPECT_TRUE(std::isfinite(out.data()[40 + i]));
  }
}

}  // namespace
}  // namespace tidemill
