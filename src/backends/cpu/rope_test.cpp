#include "backends/cpu/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "backends/cpu/test_tensor.h"
#include "ops/reference.h"

namespace tidemill {
namespace {

TEST(RopeTest, TheTableIsExactForLargeAngles) {
  ThreadPool pool(2);
  std::vector<int32_t> positions;
  for (int32_t pos = 0; pos < 1'048'576; pos += 997) positions.push_back(pos);
  for (const int64_t n_freqs : {1, 5, 16, 33, 128}) {
    TestTensor inv_freq({n_freqs});
    for (int64_t j = 0; j < n_freqs; ++j) {
      inv_freq.data()[j] = std::pow(10'000.0f, -static_cast<float>(j) / static_cast<float>(n_freqs));
    }
    const Shape shape{std::ssize(positions), 2 * n_freqs};
    TestTensor found(shape), expected(shape);
    rope_table(pool, positions, inv_freq.view(), found.view());
    ReferenceKernels().rope_table(positions, inv_freq.view(), expected.view());
    for (int64_t i = 0; i < shape.n_elements(); ++i) {
      ASSERT_NEAR(found.data()[i], expected.data()[i], 6e-8f) << "n_freqs " << n_freqs << ", element " << i;
    }
  }
}

TEST(RopeTest, ARowOfTheTableDoesNotDependOnTheOthersOrOnThreads) {
  std::vector<int32_t> positions(100);
  for (size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<int32_t>(i * i * 31);
  const TestTensor inv_freq = TestTensor::random({37}, 1);
  TestTensor expected({100, 74});
  ThreadPool one(1);
  for (int64_t row = 0; row < 100; ++row) {
    rope_table(one, {&positions[row], 1}, inv_freq.view(), expected.view().slice(0, row, row + 1));
  }
  for (int n_threads = 1; n_threads <= 4; ++n_threads) {
    ThreadPool pool(n_threads);
    TestTensor found({100, 74});
    rope_table(pool, positions, inv_freq.view(), found.view());
    EXPECT_TRUE(found == expected) << n_threads << " threads";
  }
}

TEST(RopeTest, RotationAgreesWithTheReference) {
  for (const int64_t head_dim : {2, 6, 20, 64, 66, 256}) {
    for (const int64_t n_heads : {1, 3}) {
      SCOPED_TRACE(std::to_string(n_heads) + " heads of " + std::to_string(head_dim));
      const Shape shape{70, n_heads, head_dim};
      const TestTensor x = TestTensor::random(shape, 1), table = TestTensor::random({70, head_dim}, 2);
      TestTensor found(shape), expected(shape);
      ReferenceKernels().rope(x.view(), table.view(), expected.view());
      TestTensor first(shape);
      for (int n_threads = 1; n_threads <= 4; ++n_threads) {
        ThreadPool pool(n_threads);
        rope(pool, x.view(), table.view(), found.view());
        if (n_threads == 1) rope(pool, x.view(), table.view(), first.view());
        EXPECT_TRUE(found == first) << n_threads << " threads";
      }
      for (int64_t i = 0; i < shape.n_elements(); ++i) {
        ASSERT_NEAR(found.data()[i], expected.data()[i], 2e-6f) << "element " << i;
      }
    }
  }
}

}  // namespace
}  // namespace tidemill
