#include "compress/quantize/feedback.h"

#include <algorithm>
#include <cmath>

namespace tidemill {
namespace {

constexpr int64_t kTileRows = 16;  // rows that go through the columns together, so that factors are read once for them

// What a thread has of a tile: rows of `stride` numbers each.
class Tile {
 public:
  Tile(const MatrixSource& source, const FeedbackFactors& factors, const FeedbackOptions& options, MatrixCoder& coder)
      : source_(source),
        factors_(factors),
        options_(options),
        coder_(coder),
        stride_(dense_stride(source.n_cols)),
        n_blocks_((source.n_cols + coder.block_length() - 1) / coder.block_length()),
        weights_(static_cast<size_t>(kTileRows * stride_)),
        aims_(weights_.size()),
        errors_(weights_.size()),
        slopes_(weights_.size()),
        codes_(weights_.size()),
        blocks_(static_cast<size_t>(kTileRows * n_blocks_)) {}

  // Rows [begin, end) from numbers to stored codes.
  ErrorSums run(int64_t begin, int64_t end) {
    n_rows_ = end - begin;
    for (int64_t r = 0; r < n_rows_; ++r)
      source_.read(begin + r, std::span(weights_).subspan(at(r, 0), static_cast<size_t>(source_.n_cols)));
    aims_ = weights_;
    for (int64_t block = 0; block < n_blocks_; ++block) code_block(block);
    find_slopes(errors_);
    for (int round = 0; round < options_.n_descents; ++round) {
      bool has_moved = false;
      for (int64_t r = 0; r < n_rows_; ++r) has_moved |= descend(r);
      if (!has_moved) break;
    }
    for (int64_t r = 0; r < n_rows_; ++r) store(begin + r, r);
    const double error = energy(errors_);
    find_slopes(weights_);
    return {error, energy(weights_)};
  }

 private:
  size_t at(int64_t row, int64_t column) const { return static_cast<size_t>(row * stride_ + column); }
  BlockFit& block_of(int64_t row, int64_t block) { return blocks_[static_cast<size_t>(row * n_blocks_ + block)]; }
  int64_t end_of(int64_t block) const { return std::min(source_.n_cols, (block + 1) * coder_.block_length()); }
  const ScaleFit& fit_of(int64_t row, int64_t column) {
    const int64_t block = column / coder_.block_length(), inside = column % coder_.block_length();
    return block_of(row, block).fits[static_cast<size_t>(inside / coder_.sub_length())];
  }
  float value(const ScaleFit& fit, uint8_t code) const {
    return fit.scale * static_cast<float>(coder_.levels().of(code)) + fit.base;
  }
  uint8_t nearest(const ScaleFit& fit, float number) const {
    return nearest_code(coder_.levels(), fit.scale == 0 ? 0 : (number - fit.base) / fit.scale);
  }

  void code_block(int64_t block) {
    const int64_t begin = block * coder_.block_length(), end = end_of(block);
    const auto padded = static_cast<size_t>(dense_stride(end - begin));
    for (int64_t r = 0; r < n_rows_; ++r) {
      coder_.fit(std::span<const float>(aims_).subspan(at(r, begin), padded),
                 factors_.weights().subspan(static_cast<size_t>(begin), padded), options_.search, block_of(r, block));
      for (int64_t column = begin; column < end; ++column) code_column(r, column, end);
    }
    // What lies behind the block hears of all its errors at once.
    const int64_t rest = (end + kDenseUnit - 1) / kDenseUnit * kDenseUnit;
    for (int64_t r = 0; r < n_rows_ && rest > end; ++r)
      for (int64_t i = begin; i < end; ++i)
        add_scaled(errors_[at(r, i)], factors_.unit_upper().row(i), end, std::min(rest, source_.n_cols),
                   &aims_[at(r, 0)]);
    if (rest < stride_) {
      add_product(&errors_[at(0, begin)], stride_, factors_.unit_upper().row(begin), stride_, n_rows_, end - begin,
                  rest, stride_, aims_.data(), stride_);
    }
  }

  void code_column(int64_t row, int64_t column, int64_t end) {
    const ScaleFit& fit = fit_of(row, column);
    const uint8_t code = nearest(fit, aims_[at(row, column)]);
    const float error = weights_[at(row, column)] - value(fit, code);
    codes_[at(row, column)] = code;
    errors_[at(row, column)] = error;
    add_scaled(error, factors_.unit_upper().row(column), column + 1, end, &aims_[at(row, 0)]);
  }

  // slopes = numbers * gram.
  void find_slopes(const std::vector<float>& numbers) {
    std::ranges::fill(slopes_, 0.0f);
    const SquareMatrix& gram = factors_.gram();
    add_product(numbers.data(), stride_, gram.row(0), gram.stride, n_rows_, source_.n_cols, 0, stride_, slopes_.data(),
                stride_);
  }

  double energy(const std::vector<float>& numbers) const {
    double sum = 0;
    for (int64_t r = 0; r < n_rows_; ++r)
      for (int64_t i = 0; i < source_.n_cols; ++i) sum += double{numbers[at(r, i)]} * slopes_[at(r, i)];
    return sum;
  }

  // One round over the codes of a row; whether any has moved.
  bool descend(int64_t row) {
    const SquareMatrix& gram = factors_.gram();
    bool has_moved = false;
    for (int64_t column = 0; column < source_.n_cols; ++column) {
      const size_t here = at(row, column);
      const ScaleFit& fit = fit_of(row, column);
      const float aim = weights_[here] - errors_[here] + slopes_[here] / gram.row(column)[column];
      const uint8_t code = nearest(fit, aim);
      if (code == codes_[here]) continue;
      const float error = weights_[here] - value(fit, code), change = error - errors_[here];
      // A tie, or a difference that rounding made.
      if (change * (2 * slopes_[here] + change * gram.row(column)[column]) >= 0) continue;
      add_scaled(change, gram.row(column), 0, source_.n_cols, &slopes_[at(row, 0)]);
      codes_[here] = code;
      errors_[here] = error;
      has_moved = true;
    }
    return has_moved;
  }

  void store(int64_t row, int64_t r) {
    for (int64_t block = 0; block < n_blocks_; ++block) {
      const int64_t begin = block * coder_.block_length();
      coder_.store(row, begin, block_of(r, block),
                   std::span<const uint8_t>(codes_).subspan(at(r, begin), static_cast<size_t>(end_of(block) - begin)));
    }
  }

  const MatrixSource& source_;
  const FeedbackFactors& factors_;
  const FeedbackOptions& options_;
  MatrixCoder& coder_;
  int64_t stride_, n_blocks_, n_rows_ = 0;
  // The numbers, what their columns aim at, number less what its code stands for, errors * gram.
  std::vector<float> weights_, aims_, errors_, slopes_;
  std::vector<uint8_t> codes_;
  std::vector<BlockFit> blocks_;
};

// `work(begin, end)` gives the errors of such rows; they are added in order.
template <typename MakeWork>
ErrorSums over_tiles(ThreadPool& pool, int64_t n_rows, const MakeWork& make_work) {
  std::vector<ErrorSums> sums(static_cast<size_t>((n_rows + kTileRows - 1) / kTileRows));
  pool.parallel_for(std::ssize(sums), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t tile = begin; tile < end; ++tile)
      sums[static_cast<size_t>(tile)] = make_work(tile * kTileRows, std::min(n_rows, (tile + 1) * kTileRows));
  });
  ErrorSums all;
  for (const ErrorSums& one : sums) all += one;
  return all;
}

}  // namespace

ErrorSums quantize_with_feedback(ThreadPool& pool, const MatrixSource& source, const FeedbackFactors& factors,
                                 const FeedbackOptions& options, MatrixCoder& coder) {
  return over_tiles(pool, source.n_rows,
                    [&](int64_t begin, int64_t end) { return Tile(source, factors, options, coder).run(begin, end); });
}

ErrorSums output_error(ThreadPool& pool, const MatrixSource& source, const SquareMatrix& gram,
                       const std::function<void(int64_t row, std::span<float> values)>& read_new) {
  const int64_t stride = gram.stride;
  return over_tiles(pool, source.n_rows, [&](int64_t begin, int64_t end) {
    const auto size = static_cast<size_t>((end - begin) * stride), n_cols = static_cast<size_t>(source.n_cols);
    std::vector<float> weights(size), errors(size), products(size);
    for (int64_t row = begin; row < end; ++row) {
      const auto first = static_cast<size_t>((row - begin) * stride);
      source.read(row, std::span(weights).subspan(first, n_cols));
      read_new(row, std::span(errors).subspan(first, n_cols));
      for (size_t i = first; i < first + n_cols; ++i) errors[i] = weights[i] - errors[i];
    }
    const auto energy = [&](const std::vector<float>& numbers) {
      std::ranges::fill(products, 0.0f);
      add_product(numbers.data(), stride, gram.row(0), stride, end - begin, source.n_cols, 0, stride, products.data(),
                  stride);
      double sum = 0;
      for (size_t i = 0; i < size; ++i) sum += double{numbers[i]} * products[i];
      return sum;
    };
    return ErrorSums{energy(errors), energy(weights)};
  });
}

}  // namespace tidemill
