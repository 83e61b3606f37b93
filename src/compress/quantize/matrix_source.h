// A matrix that is to become codes, and what its inputs are like.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "compress/quantize/dense.h"

namespace tidemill {

struct MatrixSource {
  int64_t n_rows = 0, n_cols = 0;
  // Writes row `row`, n_cols finite numbers.  Any number of threads.
  std::function<void(int64_t row, std::span<float> values)> read;
  // [n_cols], how much an error of each input counts: the mean of its square; empty: all alike.
  std::span<const float> importance = {};
};

// Errors of a matrix: sums over its rows of what its outputs are wrong by, squared, and of their own squares; with
// inputs that are not known, of its weights times their importance.
struct ErrorSums {
  double error = 0, total = 0;

  double relative() const { return total > 0 ? error / total : 0; }
  ErrorSums& operator+=(const ErrorSums& other) {
    error += other.error;
    total += other.total;
    return *this;
  }
};

}  // namespace tidemill
