// Error feedback: the columns of a matrix become codes one after another, and each takes over, as far as it can, what
// the ones before it have made wrong in the outputs.
//
// GPTQ (Frantar et al. 2022, arXiv:2210.17323) in the form of LDLQ (Chee et al. 2023, arXiv:2307.13304), which gives
// the same codes and needs no inverse: with H = X^T X = (U + 1) D (U + 1)^T, U strictly upper triangular, the number
// that column j aims at is w_j + sum over i < j of (w_i - q_i) U_ij, and sum of D_j (aim_j - q_j)^2 is the error of the
// outputs.  D is what numbers count in the fit of scales.  Then single codes move where that loses less (cyclic
// coordinate descent on the error of the outputs), which the order of the columns had not allowed.
#pragma once

#include <vector>

#include "compress/quantize/matrix_coder.h"
#include "compress/quantize/matrix_source.h"

namespace tidemill {

// What the inputs of a matrix are like, ready for feedback.
class FeedbackFactors {
 public:
  // `gram`: the whole X^T X of inputs; of inputs that never were anything but zero nothing is asked.  `damping`, a
  // share of the mean of the diagonal, is added to it, more where that is not enough.
  FeedbackFactors(ThreadPool& pool, SquareMatrix gram, double damping);

  int64_t n_cols() const { return gram_.n; }
  const SquareMatrix& gram() const { return gram_; }           // damped
  const SquareMatrix& unit_upper() const { return upper_; }    // U; zeros elsewhere
  std::span<const float> weights() const { return weights_; }  // D

 private:
  SquareMatrix gram_, upper_;
  std::vector<float> weights_;
};

// The damping of the paper, and that for a Gram matrix of so many inputs: the fewer, the more of it is chance that no
// other text has.
inline constexpr double kPaperDamping = 0.01;
double damping_for(int64_t n_rows);

struct FeedbackOptions {
  ScaleSearch search = ScaleSearch::least_error;
  int n_descents = 0;  // rounds of coordinate descent
  // The factors are of columns in this order, in which columns become codes: column i of theirs is order[i] of the
  // matrix, whose blocks stay as they are and have their scales fitted before.  Empty: as they come, each block with
  // scales for what its columns aim at by then.
  std::span<const int32_t> order = {};
};

// Columns in the order of what their inputs are, greatest first ("act-order").
std::vector<int32_t> order_by_magnitude(const SquareMatrix& gram);
// The same matrix with rows and columns in that order.
SquareMatrix reordered(const SquareMatrix& gram, std::span<const int32_t> order);

// Fits and stores all blocks of `source`, whose columns are those of `factors`.  The errors are those of the outputs.
ErrorSums quantize_with_feedback(ThreadPool& pool, const MatrixSource& source, const FeedbackFactors& factors,
                                 const FeedbackOptions& options, MatrixCoder& coder);

// The sum over rows of e^T gram e for any numbers, of which `read` writes row after row; `gram` is whole.
double output_energy(ThreadPool& pool, const SquareMatrix& gram, int64_t n_rows,
                     const std::function<void(int64_t row, std::span<float> values)>& read);

// The error of outputs that any codes give.  `read_new` is what became of each row.
ErrorSums output_error(ThreadPool& pool, const MatrixSource& source, const SquareMatrix& gram,
                       const std::function<void(int64_t row, std::span<float> values)>& read_new);

}  // namespace tidemill
