#include "compress/quantize/feedback.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "compress/quantize/coded_matrix.h"
#include "compress/quantize/group_coder.h"
#include "compress/quantize/round_matrix.h"
#include "sys/random.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int64_t kRows = 24;

// A matrix and what its inputs are: numbers that depend on each other, some of them large.
struct Problem {
  int64_t n_cols;
  std::vector<float> weights;
  SquareMatrix gram;

  explicit Problem(int64_t columns) : n_cols(columns), gram(columns) {
    Random random(11);
    const auto number = [&] { return static_cast<float>(random.uniform() + random.uniform() - 1); };
    weights.resize(static_cast<size_t>(kRows * n_cols));
    for (float& weight : weights) weight = number();
    const int64_t n_tokens = 3 * n_cols, stride = gram.stride;
    std::vector<float> x(static_cast<size_t>(n_tokens * stride));
    for (int64_t token = 0; token < n_tokens; ++token) {
      float shared = number();
      for (int64_t i = 0; i < n_cols; ++i) {
        shared = 0.7f * shared + 0.3f * number();
        x[static_cast<size_t>(token * stride + i)] = (i % 17 == 3 ? 8.0f : 1.0f) * (shared + 0.2f * number());
      }
    }
    ThreadPool pool(1);
    add_gram(pool, x.data(), n_tokens, gram);
    mirror(gram);
  }

  // With what FeedbackFactors adds to the diagonal for this damping: told errors have it in them.
  SquareMatrix damped(double damping) const {
    SquareMatrix result = gram;
    double sum = 0;
    for (int64_t i = 0; i < n_cols; ++i) sum += gram.row(i)[i];
    for (int64_t i = 0; i < n_cols; ++i)
      result.row(i)[i] += static_cast<float>(damping * sum / static_cast<double>(n_cols));
    return result;
  }

  MatrixSource source(std::span<const int32_t> order = {}) const {
    return {.n_rows = kRows, .n_cols = n_cols, .read = [this, order](int64_t row, std::span<float> values) {
              for (size_t i = 0; i < values.size(); ++i) {
                const size_t column = order.empty() ? i : static_cast<size_t>(order[i]);
                values[i] = weights[static_cast<size_t>(row * n_cols) + column];
              }
            }};
  }
};

std::function<void(int64_t row, std::span<float> values)> reader_of(const GroupQuantized& matrix) {
  return [&matrix](int64_t row, std::span<float> values) {
    const int64_t n_groups = std::ssize(matrix.scales) / matrix.n_rows;
    for (size_t i = 0; i < values.size(); ++i) {
      const int64_t group =
          matrix.g_idx.empty() ? static_cast<int64_t>(i) / matrix.group_size : int64_t{matrix.g_idx[i]};
      const auto at = static_cast<size_t>(row * n_groups + group);
      const auto code = static_cast<float>(matrix.q[static_cast<size_t>(row * matrix.n_cols) + i]);
      values[i] = (code - matrix.zeros[at]) * matrix.scales[at];
    }
  };
}

class Feedback : public testing::TestWithParam<int> {};  // columns

TEST_P(Feedback, OutputsLoseLessThanByRoundingAndDescentLosesNoMore) {
  const Problem problem(GetParam());
  ThreadPool pool(2);
  const FeedbackFactors factors(pool, problem.gram, 0.01);
  for (const int bits : {2, 3, 4}) {
    GroupQuantized rounded, fed, descended;
    const GroupKind format{.bits = bits, .group_size = 32};
    GroupCoder by_rounding(format, kRows, problem.n_cols, rounded);
    round_matrix(pool, problem.source(), ScaleSearch::least_error, by_rounding);
    GroupCoder by_feedback(format, kRows, problem.n_cols, fed);
    const ErrorSums told = quantize_with_feedback(pool, problem.source(), factors, {}, by_feedback);
    GroupCoder by_descent(format, kRows, problem.n_cols, descended);
    const ErrorSums less = quantize_with_feedback(pool, problem.source(), factors, {.n_descents = 5}, by_descent);
    const auto error_of = [&](const GroupQuantized& matrix) {
      return output_error(pool, problem.source(), factors.gram(), reader_of(matrix)).relative();
    };
    EXPECT_NEAR(told.relative(), error_of(fed), 1e-3 * told.relative());
    EXPECT_NEAR(less.relative(), error_of(descended), 1e-3 * less.relative());
    EXPECT_LT(told.relative(), 0.7 * error_of(rounded)) << bits;
    EXPECT_LE(less.relative(), told.relative() * 1.0001) << bits;
  }
}

TEST_P(Feedback, ColumnsInTheOrderOfTheirInputsComeBackInTheirPlaces) {
  const Problem problem(GetParam());
  ThreadPool pool(2);
  const std::vector<int32_t> order = order_by_magnitude(problem.gram);
  for (size_t i = 1; i < order.size(); ++i)
    ASSERT_GE(problem.gram.row(order[i - 1])[order[i - 1]], problem.gram.row(order[i])[order[i]]);
  const FeedbackFactors factors(pool, reordered(problem.gram, order), 0.01);
  GroupQuantized matrix;
  GroupCoder coder({.bits = 4, .group_size = 32}, kRows, problem.n_cols, matrix, order);
  const ErrorSums told = quantize_with_feedback(pool, problem.source(order), factors, {}, coder);
  const double found = output_error(pool, problem.source(), problem.damped(0.01), reader_of(matrix)).relative();
  EXPECT_NEAR(found, told.relative(), 1e-3 * told.relative());
}

TEST_P(Feedback, BlocksMayStayAsTheyAreWhileColumnsBecomeCodesInAnotherOrder) {
  const Problem problem(GetParam());
  ThreadPool pool(2);
  const std::vector<int32_t> order = order_by_magnitude(problem.gram);
  const FeedbackFactors factors(pool, reordered(problem.gram, order), 0.01);
  for (const bool is_in_blocks : {false, true}) {
    if (is_in_blocks && GetParam() % 32 != 0) continue;
    CodedMatrix codes(is_in_blocks ? CodeFormat{DType::q4_1} : CodeFormat{.groups = GroupKind{3, 32, true}}, kRows,
                      problem.n_cols);
    double before = INFINITY;
    for (const int n_descents : {0, 4}) {
      const FeedbackOptions options{.n_descents = n_descents, .order = order};
      const double told = quantize_with_feedback(pool, problem.source(), factors, options, codes.coder()).relative();
      const auto read = [&](int64_t row, std::span<float> values) { codes.read(row, values); };
      const double found = output_error(pool, problem.source(), problem.damped(0.01), read).relative();
      EXPECT_NEAR(found, told, 1e-3 * told);
      EXPECT_LT(told, before);
      before = told;
    }
  }
}

TEST_P(Feedback, ResultsDoNotDependOnThreads) {
  const Problem problem(GetParam());
  GroupQuantized matrices[2];
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    const FeedbackFactors factors(pool, problem.gram, 0.01);
    GroupCoder coder({.bits = 3, .group_size = 64}, kRows, problem.n_cols, matrices[threads == 3]);
    quantize_with_feedback(pool, problem.source(), factors, {.n_descents = 2}, coder);
  }
  EXPECT_EQ(matrices[0].q, matrices[1].q);
  EXPECT_EQ(matrices[0].scales, matrices[1].scales);
}

INSTANTIATE_TEST_SUITE_P(Columns, Feedback, testing::Values(64, 100, 160, 257));

// What the paper's own procedure gives: the inverse of the Gram matrix, its Cholesky factor, errors handed on.
TEST(FeedbackOfPaper, GivesTheSameCodesWhereScalesAreGiven) {
  constexpr int64_t kCols = 24;
  const Problem problem(kCols);
  ThreadPool pool(1);
  const FeedbackFactors factors(pool, problem.gram, 0.01);
  GroupQuantized matrix;
  GroupCoder coder({.bits = 4, .group_size = 0}, kRows, kCols, matrix);
  quantize_with_feedback(pool, problem.source(), factors, {.search = ScaleSearch::plain}, coder);
  // Gauss-Jordan; then the upper factor of the inverse, row by row.
  std::vector<std::vector<double>> a(kCols, std::vector<double>(2 * kCols));
  for (int64_t i = 0; i < kCols; ++i) {
    for (int64_t j = 0; j < kCols; ++j) a[i][j] = factors.gram().row(i)[j];
    a[i][kCols + i] = 1;
  }
  for (int64_t i = 0; i < kCols; ++i) {
    const double pivot = a[i][i];
    for (double& number : a[i]) number /= pivot;
    for (int64_t k = 0; k < kCols; ++k) {
      const double factor = a[k][i];
      for (int64_t j = 0; k != i && j < 2 * kCols; ++j) a[k][j] -= factor * a[i][j];
    }
  }
  std::vector<std::vector<double>> upper(kCols, std::vector<double>(kCols));
  for (int64_t i = 0; i < kCols; ++i) {
    for (int64_t j = i; j < kCols; ++j) {
      double sum = a[i][kCols + j];
      for (int64_t k = 0; k < i; ++k) sum -= upper[k][i] * upper[k][j];
      upper[i][j] = j == i ? std::sqrt(sum) : sum / upper[i][i];
    }
  }
  int n_different = 0;
  for (int64_t row = 0; row < kRows; ++row) {
    std::vector<double> w(problem.weights.begin() + row * kCols, problem.weights.begin() + (row + 1) * kCols);
    const double scale = matrix.scales[static_cast<size_t>(row)], zero = matrix.zeros[static_cast<size_t>(row)];
    for (int64_t j = 0; j < kCols; ++j) {
      const double code = std::clamp(std::nearbyint(w[j] / scale) + zero, 0.0, 15.0);
      n_different += code != matrix.q[static_cast<size_t>(row * kCols + j)];
      const double error = (w[j] - (code - zero) * scale) / upper[j][j];
      for (int64_t k = j; k < kCols; ++k) w[k] -= error * upper[j][k];
    }
  }
  EXPECT_EQ(n_different, 0);
}

TEST(FeedbackFactorsOf, FewInputsAreDampedMore) {
  EXPECT_DOUBLE_EQ(damping_for(4000), 0.1);
  EXPECT_DOUBLE_EQ(damping_for(0), 0.2);
  EXPECT_DOUBLE_EQ(damping_for(1 << 20), 0.01);
}

TEST(FeedbackFactorsOf, InputsThatNeverWereAnythingAreNoObstacle) {
  ThreadPool pool(1);
  SquareMatrix gram(48);
  for (int64_t i = 0; i < 24; ++i) gram.row(i)[i] = 1;
  const FeedbackFactors some(pool, gram, 0.01), none(pool, SquareMatrix(48), 0.01);
  for (const float weight : none.weights()) ASSERT_TRUE(std::isfinite(weight));
  SquareMatrix broken(48);
  broken.row(3)[3] = std::nanf("");
  EXPECT_THROW(FeedbackFactors(pool, broken, 0.01), Error);
}

}  // namespace
}  // namespace tidemill
