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
    compute(pool, op::RopeTable{positions, inv_freq.view(), 1.0f, found.view()});
    ReferenceKernels().run(op::RopeTable{positions, inv_freq.view(), 1.0f, expected.view()});
    for (int64_t i = 0; i < shape.n_elements(); ++i) {
      ASSERT_NEAR(found.data()[i], expected.data()[i], 6e-8f) << "n_freqs " << n_freqs << ", element " << i;
    }
  }
}

TEST(RopeTest, RowsOfLongTextsHaveOtherFrequencies) {
  constexpr int64_t kFreqs = 9;
  TestTensor inv_freq = TestTensor::random({kFreqs}, 1), long_inv_freq = TestTensor::random({kFreqs}, 2);
  const std::vector<int32_t> positions{0, 5, 30, 31, 32, 100}, lengths{6, 6, 32, 33, 33, 101};
  ThreadPool pool(2);
  for (const bool has_own : {false, true}) {
    const RopeByLength by_length{.lengths = lengths,
                                 .short_length = 32,
                                 .long_inv_freq = has_own ? long_inv_freq.view() : Tensor(),
                                 .growth = 4};
    TestTensor found({6, 2 * kFreqs}), expected({6, 2 * kFreqs}), plain({6, 2 * kFreqs});
    compute(pool, op::RopeTable{positions, inv_freq.view(), 1.0f, found.view(), by_length});
    ReferenceKernels().run(op::RopeTable{positions, inv_freq.view(), 1.0f, expected.view(), by_length});
    compute(pool, op::RopeTable{positions, inv_freq.view(), 1.0f, plain.view()});
    for (int64_t i = 0; i < 6 * 2 * kFreqs; ++i) ASSERT_NEAR(found.data()[i], expected.data()[i], 6e-8f) << i;
    for (int64_t row = 0; row < 6; ++row) {
      const float* const of_row = found.data() + row * 2 * kFreqs;
      const bool is_plain = std::equal(of_row, of_row + 2 * kFreqs, plain.data() + row * 2 * kFreqs);
      EXPECT_EQ(is_plain, row < 3) << row;
    }
  }
  // 100 tokens where 50 are short: 4 * 100 / 50 - 3 = 5; the slowest frequency is as much slower, the fastest stays.
  const RopeByLength doubled{.lengths = std::span(positions).last(1), .short_length = 50, .growth = 4};
  EXPECT_FLOAT_EQ(doubled.frequency(inv_freq.view(), 0, 0), inv_freq.data()[0]);
  EXPECT_FLOAT_EQ(doubled.frequency(inv_freq.view(), 0, kFreqs - 1), inv_freq.data()[kFreqs - 1] / 5);
}

TEST(RopeTest, ARowOfTheTableDoesNotDependOnTheOthersOrOnThreads) {
  std::vector<int32_t> positions(100);
  for (size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<int32_t>(i * i * 31);
  const TestTensor inv_freq = TestTensor::random({37}, 1);
  TestTensor expected({100, 74});
  ThreadPool one(1);
  for (int64_t row = 0; row < 100; ++row) {
    compute(one, op::RopeTable{{&positions[row], 1}, inv_freq.view(), 1.0f, expected.view().slice(0, row, row + 1)});
  }
  for (int n_threads = 1; n_threads <= 4; ++n_threads) {
    ThreadPool pool(n_threads);
    TestTensor found({100, 74});
    compute(pool, op::RopeTable{positions, inv_freq.view(), 1.0f, found.view()});
    EXPECT_TRUE(found == expected) << n_threads << " threads";
  }
}

// All heads of one width; a table narrower than a head leaves the rest of the head as it is.
void expect_rotation(int64_t n_heads, int64_t head_dim, int64_t n_rotated, RopePairs pairs) {
  SCOPED_TRACE(std::to_string(n_heads) + " heads of " + std::to_string(head_dim) + ", rotated " +
               std::to_string(n_rotated) + (pairs == RopePairs::halves ? ", halves" : ", adjacent"));
  const Shape shape{70, n_heads, head_dim};
  const TestTensor x = TestTensor::random(shape, 1), table = TestTensor::random({70, n_rotated}, 2);
  TestTensor expected(shape), first(shape);
  ReferenceKernels().run(op::Rope{x.view(), table.view(), pairs, expected.view()});
  for (int n_threads = 1; n_threads <= 4; ++n_threads) {
    ThreadPool pool(n_threads);
    TestTensor found(shape);
    compute(pool, op::Rope{x.view(), table.view(), pairs, found.view()});
    if (n_threads == 1) compute(pool, op::Rope{x.view(), table.view(), pairs, first.view()});
    EXPECT_TRUE(found == first) << n_threads << " threads";
  }
  for (int64_t i = 0; i < shape.n_elements(); ++i) {
    ASSERT_NEAR(first.data()[i], expected.data()[i], 2e-6f) << "element " << i;
  }
}

TEST(RopeTest, RotationAgreesWithTheReference) {
  for (const RopePairs pairs : {RopePairs::halves, RopePairs::adjacent}) {
    for (const int64_t head_dim : {2, 6, 20, 64, 66, 256}) {
      for (const int64_t n_heads : {1, 3}) {
        expect_rotation(n_heads, head_dim, head_dim, pairs);
        expect_rotation(n_heads, head_dim, head_dim / 4 * 2, pairs);
        expect_rotation(n_heads, head_dim + 1, head_dim, pairs);
      }
    }
  }
}

TEST(RopeTest, RotatesInPlace) {
  for (const RopePairs pairs : {RopePairs::halves, RopePairs::adjacent}) {
    ThreadPool pool(2);
    const TestTensor table = TestTensor::random({9, 12}, 2);
    TestTensor x = TestTensor::random({9, 2, 20}, 1), expected({9, 2, 20});
    compute(pool, op::Rope{x.view(), table.view(), pairs, expected.view()});
    compute(pool, op::Rope{x.view(), table.view(), pairs, x.view()});
    EXPECT_TRUE(x == expected);
  }
}

TEST(RopeTest, TheTableIsScaled) {
  ThreadPool pool(1);
  const std::vector<int32_t> positions{0, 3};
  TestTensor inv_freq = TestTensor::random({3}, 1), found({2, 6}), expected({2, 6});
  compute(pool, op::RopeTable{positions, inv_freq.view(), 1.25f, found.view()});
  ReferenceKernels().run(op::RopeTable{positions, inv_freq.view(), 1.25f, expected.view()});
  EXPECT_EQ(found.data()[0], 1.25f);
  for (int64_t i = 0; i < 12; ++i) EXPECT_NEAR(found.data()[i], expected.data()[i], 1e-7f) << i;
}

}  // namespace
}  // namespace tidemill
