#include "compress/delta/low_rank.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "compress/delta/float_elements.h"
#include "sys/random.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr uint32_t kOversampling = 8;  // more directions than are kept: the last ones are found worse
constexpr int kIterations = 2;
constexpr int kJacobiSweeps = 30;
constexpr uint32_t kFirstRank = 16;  // that is tried where the rank is to be found

// Columns of equal length, one after another.
struct Columns {
  uint64_t length, n;
  std::vector<double> values;

  Columns(uint64_t length_, uint64_t n_) : length(length_), n(n_), values(length_ * n_) {}
  double* column(uint64_t index) { return values.data() + index * length; }
  const double* column(uint64_t index) const { return values.data() + index * length; }
};

double dot(const double* a, const double* b, uint64_t n) {
  double sum = 0;
  for (uint64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// Gram-Schmidt, twice, which is as good as orthogonal.  Columns that depend on earlier ones become zero.
void orthonormalize(Columns& columns) {
  for (uint64_t j = 0; j < columns.n; ++j) {
    double* const column = columns.column(j);
    const double before = std::sqrt(dot(column, column, columns.length));
    for (int pass = 0; pass < 2; ++pass) {
      for (uint64_t k = 0; k < j; ++k) {
        const double share = dot(column, columns.column(k), columns.length);
        for (uint64_t i = 0; i < columns.length; ++i) column[i] -= share * columns.column(k)[i];
      }
    }
    const double norm = std::sqrt(dot(column, column, columns.length));
    const double factor = norm > 1e-12 * before && norm > 0 ? 1 / norm : 0;
    for (uint64_t i = 0; i < columns.length; ++i) column[i] *= factor;
  }
}

// Rows of the changes, by piece of rows, which threads take one by one.
class Changes {
 public:
  Changes(const ChangedMatrix& matrix, ThreadPool& pool) : matrix_(matrix), pool_(pool) {}

  // changes * right, each row by one thread.
  Columns times(const Columns& right) const;
  // Of all changes, summed by row and then over the rows.
  double sum_of_squares() const;
  // changes^T * left, each column by one thread, over all rows in order, so that sums have one order.
  Columns transposed_times(const Columns& left) const;

 private:
  // Columns [begin, end) of a row.
  void row(uint64_t index, uint64_t begin, uint64_t end, std::vector<float>& changes, std::vector<float>& base) const {
    const auto n_bytes = static_cast<uint64_t>(info(matrix_.dtype).block_bytes);
    const uint64_t offset = (index * matrix_.n_columns + begin) * n_bytes, n = (end - begin) * n_bytes;
    to_floats(matrix_.dtype, matrix_.tuned.subspan(offset, n), changes);
    to_floats(matrix_.dtype, matrix_.base.subspan(offset, n), base);
    for (size_t i = 0; i < changes.size(); ++i) changes[i] -= base[i];
  }

  const ChangedMatrix& matrix_;
  ThreadPool& pool_;
};

Columns Changes::times(const Columns& right) const {
  Columns result(matrix_.n_rows, right.n);
  pool_.parallel_for(static_cast<int64_t>(matrix_.n_rows), 64, [&](int64_t first, int64_t last, int) {
    std::vector<float> changes, base;
    for (int64_t index = first; index < last; ++index) {
      const auto at = static_cast<uint64_t>(index);
      row(at, 0, matrix_.n_columns, changes, base);
      for (uint64_t k = 0; k < right.n; ++k) {
        double sum = 0;
        for (uint64_t j = 0; j < matrix_.n_columns; ++j) sum += static_cast<double>(changes[j]) * right.column(k)[j];
        result.column(k)[at] = sum;
      }
    }
  });
  return result;
}

double Changes::sum_of_squares() const {
  std::vector<double> sums(matrix_.n_rows);
  pool_.parallel_for(static_cast<int64_t>(matrix_.n_rows), 64, [&](int64_t first, int64_t last, int) {
    std::vector<float> changes, base;
    for (auto index = static_cast<uint64_t>(first); index < static_cast<uint64_t>(last); ++index) {
      row(index, 0, matrix_.n_columns, changes, base);
      for (const float change : changes) sums[index] += static_cast<double>(change) * change;
    }
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

Columns Changes::transposed_times(const Columns& left) const {
  Columns result(matrix_.n_columns, left.n);
  pool_.parallel_for(static_cast<int64_t>(matrix_.n_columns), 256, [&](int64_t first, int64_t last, int) {
    std::vector<float> changes, base;
    const auto begin = static_cast<uint64_t>(first), end = static_cast<uint64_t>(last);
    for (uint64_t index = 0; index < matrix_.n_rows; ++index) {
      row(index, begin, end, changes, base);
      for (uint64_t k = 0; k < left.n; ++k) {
        const double factor = left.column(k)[index];
        double* const sums = result.column(k) + begin;
        for (uint64_t j = 0; j < end - begin; ++j) sums[j] += factor * static_cast<double>(changes[j]);
      }
    }
  });
  return result;
}

// One-sided Jacobi: turns pairs of columns until all are orthogonal; their lengths are the singular values.  `turned`
// is turned alike.
void orthogonalize(Columns& columns, Columns& turned) {
  const auto rotate = [](double* a, double* b, uint64_t n, double c, double s) {
    for (uint64_t i = 0; i < n; ++i) {
      const double x = a[i], y = b[i];
      a[i] = c * x - s * y;
      b[i] = s * x + c * y;
    }
  };
  for (int sweep = 0; sweep < kJacobiSweeps; ++sweep) {
    bool is_done = true;
    for (uint64_t p = 0; p + 1 < columns.n; ++p) {
      for (uint64_t q = p + 1; q < columns.n; ++q) {
        double* const a = columns.column(p);
        double* const b = columns.column(q);
        const double aa = dot(a, a, columns.length), bb = dot(b, b, columns.length), ab = dot(a, b, columns.length);
        if (std::abs(ab) <= 1e-12 * std::sqrt(aa * bb)) continue;
        is_done = false;
        const double zeta = (bb - aa) / (2 * ab);
        const double t = (zeta < 0 ? -1 : 1) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
        const double c = 1 / std::sqrt(1 + t * t);
        rotate(a, b, columns.length, c, c * t);
        rotate(turned.column(p), turned.column(q), turned.length, c, c * t);
      }
    }
    if (is_done) return;
  }
}

void append_bf16(std::vector<std::byte>& code, double value) {
  const auto single = static_cast<float>(value);
  code.resize(code.size() + 2);
  from_floats(DType::bf16, {&single, 1}, std::span(code).last(2));
}

// Singular vectors of the changes, as many as were asked for and some more that are less exact.
struct SingularVectors {
  Columns left;                                    // of length 1
  Columns right;                                   // each as long as its singular value
  std::vector<std::pair<double, uint64_t>> order;  // minus singular values and their columns, the largest first
};

SingularVectors largest_singular_vectors(const ChangedMatrix& matrix, const Changes& changes, uint32_t n) {
  const uint64_t n_directions = std::min<uint64_t>({n + kOversampling, matrix.n_rows, matrix.n_columns});
  Columns directions(matrix.n_columns, n_directions);
  Random random(1);
  for (double& value : directions.values) value = random.uniform() - 0.5;
  Columns left = changes.times(directions);
  orthonormalize(left);
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    directions = changes.transposed_times(left);
    orthonormalize(directions);
    left = changes.times(directions);
    orthonormalize(left);
  }
  Columns right = changes.transposed_times(left);  // changes ~ left * right^T
  if (!std::ranges::all_of(right.values, [](double value) { return std::isfinite(value); })) return {left, right, {}};
  orthogonalize(right, left);
  std::vector<std::pair<double, uint64_t>> order;
  for (uint64_t k = 0; k < right.n; ++k)
    order.emplace_back(-std::sqrt(dot(right.column(k), right.column(k), right.length)), k);
  std::ranges::sort(order);
  return {std::move(left), std::move(right), std::move(order)};
}

// The code of the first `rank` of them: both factors get the root of a singular value, so that neither is small.
std::vector<std::byte> factors(const ChangedMatrix& matrix, const SingularVectors& found, uint32_t rank) {
  std::vector<std::byte> code;
  if (found.order.empty()) return code;
  auto order = found.order;
  order.resize(rank, {0, UINT64_MAX});  // a matrix of a smaller rank leaves zeros
  const auto factor = [](double size) { return size > 0 ? std::sqrt(size) : 0; };
  for (uint64_t row = 0; row < matrix.n_rows; ++row) {
    for (const auto& [size, k] : order)
      append_bf16(code, k < found.right.n ? found.left.column(k)[row] * factor(-size) : 0);
  }
  for (const auto& [size, k] : order) {
    for (uint64_t column = 0; column < matrix.n_columns; ++column)
      append_bf16(code, k < found.right.n && size < 0 ? found.right.column(k)[column] / factor(-size) : 0);
  }
  return code;
}

}  // namespace

LowRankCode encode_low_rank(const ChangedMatrix& matrix, const RankChoice& choice, ThreadPool& pool) {
  const Changes changes(matrix, pool);
  if (choice.energy <= 0) {
    const SingularVectors found = largest_singular_vectors(matrix, changes, choice.most);
    return {factors(matrix, found, choice.most), choice.most, true};
  }
  const double wanted = choice.energy * changes.sum_of_squares();
  for (uint32_t tried = std::min(kFirstRank, choice.most);; tried = std::min(2 * tried, choice.most)) {
    const SingularVectors found = largest_singular_vectors(matrix, changes, tried);
    double kept = 0;
    uint32_t rank = 0;
    while (rank < std::min<size_t>(tried, found.order.size()) && kept < wanted) {
      kept += found.order[rank].first * found.order[rank].first;
      ++rank;
    }
    // The smallest values are found a little too small: what is all but the whole counts as it.
    const bool is_enough = kept >= wanted * (1 - 1e-9);
    if (is_enough || tried == choice.most) return {factors(matrix, found, rank), rank, is_enough};
  }
}

LowRankRows::LowRankRows(std::span<const std::byte> code, uint64_t n_rows, uint64_t n_columns, uint32_t rank)
    : rank_(rank) {
  const uint64_t n_numbers = code.size() / 2;
  if (rank == 0 || code.size() % 2 != 0 || n_numbers % rank != 0 || n_numbers / rank != n_rows + n_columns)
    throw Error(ErrorCode::bad_file, "delta: a code of low rank has another size than its matrices; get the file anew");
  a_ = code.first(n_rows * rank * 2);
  to_floats(DType::bf16, code.subspan(a_.size()), b_);
  sums_.resize(n_columns);
}

void LowRankRows::restore(uint64_t row, DType dtype, std::span<const std::byte> base, std::span<std::byte> out) {
  to_floats(DType::bf16, a_.subspan(row * rank_ * 2, uint64_t{rank_} * 2), factors_);
  std::ranges::fill(sums_, 0.0f);
  const size_t n = sums_.size();
  for (uint32_t k = 0; k < rank_; ++k) {
    const float factor = factors_[k];
    const float* const b = b_.data() + k * n;
    for (size_t j = 0; j < n; ++j) sums_[j] += factor * b[j];
  }
  to_floats(dtype, base, values_);
  for (size_t j = 0; j < n; ++j) values_[j] += sums_[j];
  from_floats(dtype, values_, out);
}

}  // namespace tidemill
