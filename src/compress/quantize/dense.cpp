#include "compress/quantize/dense.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compress/quantize/dense.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;

// Rows of a tile: with two vectors of columns its sums fill half of the registers, at least.
constexpr int kTileRows = HWY_MAX_BYTES >= 64 ? 8 : 4;

// target[r, c] += sum over k of a[r * a_row + k * a_step] * b[k * b_stride + c] for kRows rows and kVectors vectors.
template <int kRows, int kVectors>
HWY_INLINE void add_tile(const float* a, int64_t a_row, int64_t a_step, const float* b, int64_t b_stride, int64_t depth,
                         float* target, int64_t target_stride) {
  const Tag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  Vec sums[kRows][kVectors];
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::LoadU(d, target + r * target_stride + v * lanes);
  for (int64_t k = 0; k < depth; ++k) {
    Vec columns[kVectors];
    for (int v = 0; v < kVectors; ++v) columns[v] = hn::LoadU(d, b + k * b_stride + v * lanes);
    for (int r = 0; r < kRows; ++r) {
      const Vec factor = hn::Set(d, a[r * a_row + k * a_step]);
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(factor, columns[v], sums[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) hn::StoreU(sums[r][v], d, target + r * target_stride + v * lanes);
}

// All columns [begin, end) of kRows rows.
template <int kRows>
HWY_INLINE void add_rows(const float* a, int64_t a_row, int64_t a_step, const float* b, int64_t b_stride, int64_t depth,
                         int64_t begin, int64_t end, float* target, int64_t target_stride) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Tag()));
  int64_t c = begin;
  for (; c + 2 * lanes <= end; c += 2 * lanes)
    add_tile<kRows, 2>(a, a_row, a_step, b + c, b_stride, depth, target + c, target_stride);
  for (; c < end; c += lanes) add_tile<kRows, 1>(a, a_row, a_step, b + c, b_stride, depth, target + c, target_stride);
}

void product(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t n_rows, int64_t depth,
             int64_t begin, int64_t end, float* target, int64_t target_stride) {
  int64_t row = 0;
  for (; row + kTileRows <= n_rows; row += kTileRows) {
    add_rows<kTileRows>(a + row * a_stride, a_stride, 1, b, b_stride, depth, begin, end, target + row * target_stride,
                        target_stride);
  }
  for (; row < n_rows; ++row)
    add_rows<1>(a + row * a_stride, a_stride, 1, b, b_stride, depth, begin, end, target + row * target_stride,
                target_stride);
}

// Rows [begin, end) of the upper triangle, both multiples of kDenseUnit or the last.
void gram_rows(const float* x, int64_t n_rows, int64_t stride, int64_t begin, int64_t end, float* sums) {
  int64_t row = begin;
  const auto first_column = [](int64_t of_row) { return of_row / kDenseUnit * kDenseUnit; };
  for (; row + kTileRows <= end; row += kTileRows)
    add_rows<kTileRows>(x + row, 1, stride, x, stride, n_rows, first_column(row), stride, sums + row * stride, stride);
  for (; row < end; ++row)
    add_rows<1>(x + row, 1, stride, x, stride, n_rows, first_column(row), stride, sums + row * stride, stride);
}

void scaled(float factor, const float* source, int64_t begin, int64_t end, float* target) {
  const Tag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const Vec factors = hn::Set(d, factor);
  int64_t c = begin;
  for (; c + lanes <= end; c += lanes)
    hn::StoreU(hn::MulAdd(factors, hn::LoadU(d, source + c), hn::LoadU(d, target + c)), d, target + c);
  for (; c < end; ++c) target[c] += factor * source[c];
}

// Columns [column, column + kVectors vectors) of the product with x, times x.  Rows in twos, so that sums need not
// wait.
template <int kVectors>
HWY_INLINE Vec form_of_columns(const float* matrix, int64_t stride, const float* x, int64_t column) {
  const Tag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  Vec sums[2][kVectors];
  for (auto& row : sums)
    for (Vec& sum : row) sum = hn::Zero(d);
  for (int64_t i = 0; i < stride; i += 2) {
    for (int r = 0; r < 2; ++r) {
      const Vec factor = hn::Set(d, x[i + r]);
      for (int v = 0; v < kVectors; ++v)
        sums[r][v] = hn::MulAdd(factor, hn::LoadU(d, matrix + (i + r) * stride + column + v * lanes), sums[r][v]);
    }
  }
  Vec total = hn::Zero(d);
  for (int v = 0; v < kVectors; ++v)
    total = hn::MulAdd(hn::Add(sums[0][v], sums[1][v]), hn::LoadU(d, x + column + v * lanes), total);
  return total;
}

float form(const float* matrix, int64_t stride, const float* x) {
  const Tag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  Vec sum = hn::Zero(d);
  int64_t column = 0;
  for (; column + 4 * lanes <= stride; column += 4 * lanes)
    sum = hn::Add(sum, form_of_columns<4>(matrix, stride, x, column));
  for (; column + 2 * lanes <= stride; column += 2 * lanes)
    sum = hn::Add(sum, form_of_columns<2>(matrix, stride, x, column));
  for (; column < stride; column += lanes) sum = hn::Add(sum, form_of_columns<1>(matrix, stride, x, column));
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

// sum over c in [begin, end), multiples of kDenseUnit, of a[c] * b[j * stride + c], for four rows j at once.
void four_dots(const float* a, const float* b, int64_t stride, int64_t begin, int64_t end, float* dots) {
  const Tag d;
  Vec sums[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  for (int64_t c = begin; c < end; c += static_cast<int64_t>(hn::Lanes(d))) {
    const Vec own = hn::LoadU(d, a + c);
    for (int j = 0; j < 4; ++j) sums[j] = hn::MulAdd(own, hn::LoadU(d, b + j * stride + c), sums[j]);
  }
  for (int j = 0; j < 4; ++j) dots[j] = hn::GetLane(hn::SumOfLanes(d, sums[j]));
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {
namespace {

HWY_EXPORT(product);
HWY_EXPORT(gram_rows);
HWY_EXPORT(scaled);
HWY_EXPORT(form);
HWY_EXPORT(four_dots);

constexpr int64_t kPanel = 32;  // columns of R that are made together

// matrix[i, j] -= sum over c >= panel_end of R[i, c] * R[j, c], for j in a whole panel.
void subtract_known(SquareMatrix& matrix, int64_t i, int64_t panel, int64_t panel_end) {
  float dots[4];
  for (int64_t j = panel; j < panel_end; j += 4) {
    HWY_DYNAMIC_DISPATCH(four_dots)(matrix.row(i), matrix.row(j), matrix.stride, panel_end, matrix.stride, dots);
    for (int64_t k = 0; k < 4; ++k) matrix.row(i)[j + k] -= dots[k];
  }
}

// Elements of row i in the panel, where those of the columns behind it have been subtracted and the panel's own rows
// from i + 1 on are done.
void solve_row(SquareMatrix& matrix, int64_t i, int64_t panel, int64_t panel_end) {
  float* const own = matrix.row(i);
  for (int64_t j = panel_end - 1; j >= std::max(panel, i + 1); --j) {
    const float* const other = matrix.row(j);
    float rest = own[j];
    for (int64_t c = j + 1; c < panel_end; ++c) rest -= own[c] * other[c];
    own[j] = rest / other[j];
  }
}

}  // namespace

void add_gram(ThreadPool& pool, const float* x, int64_t n_rows, SquareMatrix& sums) {
  const int64_t n_tiles = sums.stride / kDenseUnit;
  pool.parallel_for(n_tiles, 1, [&](int64_t begin, int64_t end, int) {
    HWY_DYNAMIC_DISPATCH(gram_rows)
    (x, n_rows, sums.stride, begin * kDenseUnit, std::min(sums.n, end * kDenseUnit), sums.numbers.data());
  });
}

void mirror(SquareMatrix& matrix) {
  for (int64_t i = 0; i < matrix.n; ++i)
    for (int64_t j = 0; j < i; ++j) matrix.row(i)[j] = matrix.row(j)[i];
}

void add_product(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t n_rows, int64_t depth,
                 int64_t begin, int64_t end, float* target, int64_t target_stride) {
  HWY_DYNAMIC_DISPATCH(product)
  (a, a_stride, b, b_stride, n_rows, depth, begin, end, target, target_stride);
}

void add_scaled(float factor, const float* source, int64_t begin, int64_t end, float* target) {
  HWY_DYNAMIC_DISPATCH(scaled)(factor, source, begin, end, target);
}

float quadratic_form(const float* matrix, int64_t stride, const float* x) {
  return HWY_DYNAMIC_DISPATCH(form)(matrix, stride, x);
}

bool factor_upper(ThreadPool& pool, SquareMatrix& matrix) {
  for (int64_t panel = (matrix.n - 1) / kPanel * kPanel; panel >= 0; panel -= kPanel) {
    const int64_t panel_end = std::min(matrix.n, panel + kPanel);
    if (panel_end < matrix.n) {
      pool.parallel_for(panel_end, 4, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) subtract_known(matrix, i, panel, panel_end);
      });
    }
    for (int64_t i = panel_end - 1; i >= panel; --i) {
      solve_row(matrix, i, panel, panel_end);
      float* const own = matrix.row(i);
      double rest = own[i];
      for (int64_t c = i + 1; c < panel_end; ++c) rest -= double{own[c]} * own[c];
      if (!(rest > 0)) return false;
      own[i] = static_cast<float>(std::sqrt(rest));
    }
    pool.parallel_for(panel, 16, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) solve_row(matrix, i, panel, panel_end);
    });
  }
  return true;
}

}  // namespace tidemill

#endif
