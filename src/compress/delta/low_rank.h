// A change of a whole matrix as the product of two thin ones, as LoRA adapters have it (Hu et al. 2021,
// arXiv:2106.09685), found by randomised subspace iteration: Halko, Martinsson and Tropp 2011, arXiv:0909.4061.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sys/thread_pool.h"
#include "tidemill/dtype.h"

namespace tidemill {

// A matrix of changes that is never in memory as a whole.
struct ChangedMatrix {
  DType dtype;
  uint64_t n_rows = 0, n_columns = 0;
  std::span<const std::byte> base, tuned;  // row after row
};

// How many columns and rows the thin matrices have: `most`, or, with a share of the squared singular values that is to
// be kept, as few as keep it and at most so many.
struct RankChoice {
  uint32_t most = 0;
  double energy = 0;  // 0: always `most`
};

struct LowRankCode {
  std::vector<std::byte> bytes;  // none where a number is not finite
  uint32_t rank = 0;
  bool is_enough = true;  // keeps the energy that was asked for
};

// The code: A, [n_rows, rank], and B, [rank, n_columns], both bf16, whose product is nearest to the changes among those
// of this rank.  The same for any number of threads.
LowRankCode encode_low_rank(const ChangedMatrix& matrix, const RankChoice& choice, ThreadPool& pool);

// What such a code restores, row by row.
class LowRankRows {
 public:
  // Throws bad_file where `code` has another size.
  LowRankRows(std::span<const std::byte> code, uint64_t n_rows, uint64_t n_columns, uint32_t rank);

  // `base` and `out` are row `row` of matrices of `dtype`.
  void restore(uint64_t row, DType dtype, std::span<const std::byte> base, std::span<std::byte> out);

 private:
  std::span<const std::byte> a_;
  std::vector<float> b_, sums_, values_, factors_;
  uint32_t rank_;
};

}  // namespace tidemill
