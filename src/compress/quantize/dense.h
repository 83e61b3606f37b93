// Dense float32 arithmetic that error feedback needs: products, the Gram matrix of inputs, its triangular factor.
//
// Matrices are rows of `stride` floats, a multiple of kDenseUnit; what lies behind a row's numbers is zero, so that
// vectors need no remainders.  Every sum has a fixed order: results do not depend on the number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "sys/thread_pool.h"

namespace tidemill {

inline constexpr int64_t kDenseUnit = 16;

constexpr int64_t dense_stride(int64_t width) {
  return (width + kDenseUnit - 1) / kDenseUnit * kDenseUnit;
}

// The square matrix of `n` rows, all zeros at first.
struct SquareMatrix {
  SquareMatrix() = default;
  explicit SquareMatrix(int64_t n_rows)
      : n(n_rows), stride(dense_stride(n_rows)), numbers(static_cast<size_t>(n_rows * dense_stride(n_rows))) {}

  int64_t n = 0, stride = 0;
  std::vector<float> numbers;

  float* row(int64_t i) { return numbers.data() + i * stride; }
  const float* row(int64_t i) const { return numbers.data() + i * stride; }
  bool empty() const { return n == 0; }
};

// sums += x^T x in the upper triangle of `sums` (the lower one is undefined).  x: [n_rows, sums.stride].
void add_gram(ThreadPool& pool, const float* x, int64_t n_rows, SquareMatrix& sums);

// Copies the upper triangle to the lower one.
void mirror(SquareMatrix& matrix);

// target[i, c] += sum over k < depth of a[i, k] * b[k, c] for i < n_rows and c in [begin, end), both multiples of
// kDenseUnit.
void add_product(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t n_rows, int64_t depth,
                 int64_t begin, int64_t end, float* target, int64_t target_stride);

// sum over i, j < stride of x[i] * matrix[i * stride + j] * x[j]; stride is a multiple of kDenseUnit.
float quadratic_form(const float* matrix, int64_t stride, const float* x);

// target[c] += factor * source[c] for c in [begin, end), any numbers.
void add_scaled(float factor, const float* source, int64_t begin, int64_t end, float* target);

// Replaces a symmetric positive definite matrix, of which the upper triangle is read, by the upper triangular R with
// matrix = R R^T (columns last to first).  False when it is not positive definite.
bool factor_upper(ThreadPool& pool, SquareMatrix& matrix);

}  // namespace tidemill
