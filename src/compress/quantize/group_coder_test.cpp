#include "compress/quantize/group_coder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "compress/quantize/round_matrix.h"
#include "sys/random.h"

namespace tidemill {
namespace {

std::vector<float> numbers_of(int64_t n) {
  Random random(7);
  std::vector<float> numbers(static_cast<size_t>(n));
  for (float& number : numbers) number = static_cast<float>(random.uniform() + random.uniform() + random.uniform()) - 1;
  return numbers;
}

// What readers make of it.
float value_at(const GroupQuantized& matrix, int64_t row, int64_t column) {
  const int64_t n_groups = (matrix.n_cols + matrix.group_size - 1) / matrix.group_size;
  const int64_t group = matrix.g_idx.empty() ? column / matrix.group_size : matrix.g_idx[static_cast<size_t>(column)];
  const auto at = static_cast<size_t>(row * n_groups + group);
  return (static_cast<float>(matrix.q[static_cast<size_t>(row * matrix.n_cols + column)]) - matrix.zeros[at]) *
         matrix.scales[at];
}

struct Made {
  GroupQuantized matrix;
  ErrorSums sums;
};

Made made_in(const GroupKind& kind, const std::vector<float>& numbers, int64_t n_rows, ScaleSearch search,
             std::span<const int32_t> order = {}) {
  const int64_t n_cols = std::ssize(numbers) / n_rows;
  Made made;
  GroupCoder coder(kind, n_rows, n_cols, made.matrix, order);
  ThreadPool pool(2);
  const MatrixSource source{.n_rows = n_rows, .n_cols = n_cols, .read = [&](int64_t row, std::span<float> values) {
                              for (size_t i = 0; i < values.size(); ++i) {
                                const size_t column = order.empty() ? i : static_cast<size_t>(order[i]);
                                values[i] = numbers[static_cast<size_t>(row * n_cols) + column];
                              }
                            }};
  made.sums = round_matrix(pool, source, search, coder);
  return made;
}

TEST(GroupCoder, GroupsThatAreNoWholeVectorsKnowNothingOfTheirNeighbours) {
  std::vector<float> numbers = numbers_of(48);
  const std::vector<float> first(numbers.begin(), numbers.begin() + 24);
  for (size_t i = 24; i < 48; ++i) numbers[i] *= 1000;
  for (const ScaleSearch search : {ScaleSearch::plain, ScaleSearch::least_error}) {
    const Made both = made_in({4, 24, true}, numbers, 1, search), alone = made_in({4, 24, true}, first, 1, search);
    for (int64_t column = 0; column < 24; ++column)
      ASSERT_EQ(value_at(both.matrix, 0, column), value_at(alone.matrix, 0, column));
  }
}

TEST(GroupCoder, CodesZerosAndScalesSayTheNumbersInEveryWidthAndGroup) {
  constexpr int64_t kRows = 6, kCols = 300;  // the last group of a row is smaller, and no multiple of a vector
  const std::vector<float> numbers = numbers_of(kRows * kCols);
  for (const int bits : {2, 3, 4, 5, 6, 8}) {
    for (const int64_t group : {32, 64, 128, 0}) {
      for (const bool is_symmetric : {false, true}) {
        for (const ScaleSearch search : {ScaleSearch::plain, ScaleSearch::least_error}) {
          const Made made = made_in({bits, group, !is_symmetric}, numbers, kRows, search);
          double error = 0, total = 0;
          for (int64_t row = 0; row < kRows; ++row) {
            for (int64_t column = 0; column < kCols; ++column) {
              const float number = numbers[static_cast<size_t>(row * kCols + column)];
              error += std::pow(double{value_at(made.matrix, row, column)} - number, 2);
              total += std::pow(double{number}, 2);
            }
          }
          ASSERT_NEAR(made.sums.relative(), error / total, 1e-4 * error / total + 1e-9) << bits << ' ' << group;
          ASSERT_LT(made.sums.relative(), 3.0 * std::pow(0.25, bits)) << bits << ' ' << group << ' ' << is_symmetric;
          for (const float zero : made.matrix.zeros) {
            ASSERT_EQ(zero, std::nearbyint(zero));
            ASSERT_TRUE(zero >= 0 && zero < static_cast<float>(1 << bits));
          }
          for (const uint8_t code : made.matrix.q) ASSERT_LT(code, 1 << bits);
        }
      }
    }
  }
}

TEST(GroupCoder, GroupsInAnotherOrderGiveTheInputsTheirOwnCodes) {
  constexpr int64_t kRows = 3, kCols = 128;
  const std::vector<float> numbers = numbers_of(kRows * kCols);
  std::vector<int32_t> order(kCols);
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i * 37 % kCols);
  const Made made = made_in({4, 32, true}, numbers, kRows, ScaleSearch::least_error, order);
  ASSERT_EQ(made.matrix.g_idx.size(), static_cast<size_t>(kCols));
  for (int64_t row = 0; row < kRows; ++row)
    for (int64_t column = 0; column < kCols; ++column)
      ASSERT_NEAR(value_at(made.matrix, row, column), numbers[static_cast<size_t>(row * kCols + column)], 0.15);
}

TEST(GroupCoder, GroupsOfOneNumberAlone) {
  const std::vector<float> same(64, -0.75f);
  const Made made = made_in({4, 32, true}, same, 2, ScaleSearch::plain);
  EXPECT_NEAR(value_at(made.matrix, 1, 5), -0.75f, 1e-3);
  const std::vector<float> zeros(64, 0.0f);
  EXPECT_EQ(value_at(made_in({4, 32, false}, zeros, 2, ScaleSearch::least_error).matrix, 1, 5), 0.0f);
}

}  // namespace
}  // namespace tidemill
