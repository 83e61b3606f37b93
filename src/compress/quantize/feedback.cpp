#include "compress/quantize/feedback.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace tidemill {
namespace {

constexpr int64_t kTileRows = 16;  // rows that go through the columns together, so that factors are read once for them
constexpr int64_t kChunk = 32;     // columns that hear of each other's errors at once, where no block says how many

// Where the columns of the factors lie: place[c] is where column c of the matrix is among them.
std::vector<int64_t> places_of(std::span<const int32_t> order, int64_t n_cols) {
  std::vector<int64_t> places(static_cast<size_t>(n_cols));
  for (int64_t i = 0; i < n_cols; ++i)
    places[static_cast<size_t>(order.empty() ? i : order[static_cast<size_t>(i)])] = i;
  return places;
}

// For each sub-block of a row what the factors' matrix has of its columns, in the order of the matrix and filled up
// with zeros: what a step of its scale does to the outputs is a sum over numbers that lie together.
class SubGrams {
 public:
  SubGrams(const SquareMatrix& gram, const std::vector<int64_t>& places, int64_t length)
      : length_(length), stride_(dense_stride(length)) {
    const auto n_cols = std::ssize(places);
    numbers_.resize(static_cast<size_t>((n_cols + length - 1) / length * stride_ * stride_));
    for (int64_t i = 0; i < n_cols; ++i) {
      const int64_t begin = i / length * length, end = std::min(n_cols, begin + length);
      const float* const row = gram.row(places[static_cast<size_t>(i)]);
      float* const own = numbers_.data() + (begin / length * stride_ + i - begin) * stride_;
      for (int64_t j = begin; j < end; ++j) own[j - begin] = row[places[static_cast<size_t>(j)]];
    }
  }

  int64_t stride() const { return stride_; }
  // Of the sub-block that begins with that column.
  const float* at(int64_t column) const { return numbers_.data() + column / length_ * stride_ * stride_; }

 private:
  int64_t length_, stride_;
  std::vector<float> numbers_;
};

// What all tiles of a matrix share.
struct Matrix {
  Matrix(const MatrixSource& of, const FeedbackFactors& its_factors, const FeedbackOptions& its_options,
         MatrixCoder& its_coder)
      : source(of),
        factors(its_factors),
        options(its_options),
        coder(its_coder),
        places(places_of(options.order, source.n_cols)) {
    if (options.n_descents == 0) return;
    sub_grams.emplace(factors.gram(), places, coder.sub_length());
    for (int64_t i = 0; i < source.n_cols; ++i) inverses.push_back(1 / factors.gram().row(i)[i]);
  }

  const MatrixSource& source;
  const FeedbackFactors& factors;
  const FeedbackOptions& options;
  MatrixCoder& coder;
  std::vector<int64_t> places;
  std::optional<SubGrams> sub_grams;  // where codes descend
  std::vector<float> inverses;        // of the diagonal, likewise
};

// What a thread has of a tile: rows of `stride` numbers each.  Columns are in the order in which they become codes, but
// for those of blocks: `place` of the latter is where it is among the former.
class Tile {
 public:
  explicit Tile(const Matrix& matrix)
      : matrix_(matrix),
        source_(matrix.source),
        factors_(matrix.factors),
        options_(matrix.options),
        coder_(matrix.coder),
        stride_(dense_stride(source_.n_cols)),
        n_blocks_((source_.n_cols + coder_.block_length() - 1) / coder_.block_length()),
        weights_(static_cast<size_t>(kTileRows * stride_)),
        aims_(weights_.size()),
        errors_(weights_.size()),
        slopes_(weights_.size()),
        change_(static_cast<size_t>(dense_stride(coder_.sub_length()))),
        codes_(weights_.size()),
        in_blocks_(weights_.size()),
        blocks_(static_cast<size_t>(kTileRows * n_blocks_)),
        subs_(static_cast<size_t>(source_.n_cols)) {
    for (int64_t i = 0; i < source_.n_cols; ++i) {
      const int64_t column = column_of(i), block = column / coder_.block_length();
      subs_[static_cast<size_t>(i)] = {static_cast<int32_t>(block),
                                       static_cast<int32_t>(column % coder_.block_length() / coder_.sub_length())};
    }
  }

  // Rows [begin, end) from numbers to stored codes.
  ErrorSums run(int64_t begin, int64_t end) {
    n_rows_ = end - begin;
    for (int64_t r = 0; r < n_rows_; ++r) {
      source_.read(begin + r, std::span(in_blocks_).subspan(at(r, 0), static_cast<size_t>(source_.n_cols)));
      for (int64_t i = 0; i < source_.n_cols; ++i) weights_[at(r, i)] = in_blocks_[at(r, column_of(i))];
    }
    aims_ = weights_;
    if (options_.order.empty()) {
      for (int64_t block = 0; block < n_blocks_; ++block) {
        fit_blocks(block, aims_, factors_.weights());
        code_columns(block * coder_.block_length(), end_of(block));
      }
    } else {
      std::vector<float> importance(static_cast<size_t>(stride_));
      for (int64_t i = 0; i < source_.n_cols; ++i)
        importance[static_cast<size_t>(column_of(i))] = factors_.weights()[static_cast<size_t>(i)];
      for (int64_t block = 0; block < n_blocks_; ++block) fit_blocks(block, in_blocks_, importance);
      for (int64_t i = 0; i < source_.n_cols; i += kChunk) code_columns(i, std::min(source_.n_cols, i + kChunk));
    }
    find_slopes(errors_);
    for (int round = 0; round < options_.n_descents; ++round) {
      bool has_moved = false;
      for (int64_t r = 0; r < n_rows_; ++r) {
        has_moved |= descend(r);
        has_moved |= refit(r);
      }
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
  int64_t column_of(int64_t i) const { return options_.order.empty() ? i : options_.order[static_cast<size_t>(i)]; }
  int64_t place(int64_t column) const { return matrix_.places[static_cast<size_t>(column)]; }
  const ScaleFit& fit_of(int64_t row, int64_t i) {
    const SubBlock& own = subs_[static_cast<size_t>(i)];
    return block_of(row, own.block).fits[static_cast<size_t>(own.sub)];
  }
  float value(const ScaleFit& fit, uint8_t code) const {
    return fit.scale * static_cast<float>(coder_.levels().of(code)) + fit.base;
  }
  uint8_t nearest(const ScaleFit& fit, float number) const {
    return nearest_code(coder_.levels(), fit.scale == 0 ? 0 : (number - fit.base) / fit.scale);
  }

  void fit_blocks(int64_t block, const std::vector<float>& numbers, std::span<const float> importance) {
    const int64_t begin = block * coder_.block_length(), n = end_of(block) - begin;
    const auto weights = whole_vectors(importance.subspan(static_cast<size_t>(begin)), n, block_weights_);
    for (int64_t r = 0; r < n_rows_; ++r)
      coder_.fit(whole_vectors(std::span<const float>(numbers).subspan(at(r, begin)), n, block_numbers_), weights,
                 options_.search, block_of(r, block));
  }

  void code_columns(int64_t begin, int64_t end) {
    for (int64_t r = 0; r < n_rows_; ++r)
      for (int64_t column = begin; column < end; ++column) code_column(r, column, end);
    // What lies behind them hears of all their errors at once.
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
      const float aim = weights_[here] - errors_[here] + slopes_[here] * matrix_.inverses[static_cast<size_t>(column)];
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

  // One round over the scales of a row, and the bases where there are any; whether any has changed.
  bool refit(int64_t row) {
    bool has_changed = false;
    for (int64_t block = 0; block < n_blocks_; ++block) {
      for (int64_t begin = block * coder_.block_length(), sub = 0; begin < end_of(block);
           begin += coder_.sub_length(), ++sub) {
        const int64_t end = std::min(end_of(block), begin + coder_.sub_length());
        has_changed |= refit(row, block, sub, begin, end, Direction::scale);
        if (block_of(row, block).fits[static_cast<size_t>(sub)].base != 0)
          has_changed |= refit(row, block, sub, begin, end, Direction::base);
      }
    }
    return has_changed;
  }

  enum class Direction : uint8_t { scale, base };

  // The scale, and the base with it, or the base alone, moves to where the error of the outputs is least with these
  // codes, or as near as the format allows.
  bool refit(int64_t row, int64_t block, int64_t sub, int64_t begin, int64_t end, Direction direction) {
    BlockFit& fits = block_of(row, block);
    const ScaleFit now = fits.fits[static_cast<size_t>(sub)];
    const BlockFit before = fits;
    const auto changes = [&](int64_t column) {  // of the number for a step of one
      return direction == Direction::base ? 1.0f : value(now, codes_[at(row, column)]);
    };
    for (int64_t i = begin; i < end; ++i) change_[static_cast<size_t>(i - begin)] = changes(place(i));
    const auto [slope, curve] = along_change(row, begin, end);
    if (curve <= 0) return false;
    const auto step = static_cast<float>(slope / curve);
    const ScaleFit wanted = direction == Direction::base ? ScaleFit{now.scale, now.base + step}
                                                         : ScaleFit{now.scale * (1 + step), now.base * (1 + step)};
    coder_.refit(wanted, sub, fits);
    const ScaleFit& found = fits.fits[static_cast<size_t>(sub)];
    if (found.scale == now.scale && found.base == now.base) return false;
    if (gain_of(row, begin, end, found) > 0) {
      take(row, begin, end, found);
      return true;
    }
    fits = before;
    return false;
  }

  // How much less the error is with another scale for these columns.
  double gain_of(int64_t row, int64_t begin, int64_t end, const ScaleFit& fit) {
    for (int64_t i = begin; i < end; ++i) change_[static_cast<size_t>(i - begin)] = change_to(row, place(i), fit);
    const auto [slope, curve] = along_change(row, begin, end);
    return -(2 * slope + curve);
  }

  // The error of the outputs where those of the columns of a sub-block change by step * change_ is what it was and
  // 2 * slope * step + curve * step^2.
  struct Course {
    double slope, curve;
  };
  Course along_change(int64_t row, int64_t begin, int64_t end) {
    double slope = 0;
    for (int64_t i = begin; i < end; ++i)
      slope += double{change_[static_cast<size_t>(i - begin)]} * slopes_[at(row, place(i))];
    std::fill(change_.begin() + (end - begin), change_.end(), 0.0f);
    return {slope, quadratic_form(matrix_.sub_grams->at(begin), matrix_.sub_grams->stride(), change_.data())};
  }

  float change_to(int64_t row, int64_t column, const ScaleFit& fit) const {
    return weights_[at(row, column)] - value(fit, codes_[at(row, column)]) - errors_[at(row, column)];
  }

  void take(int64_t row, int64_t begin, int64_t end, const ScaleFit& fit) {
    for (int64_t column = begin; column < end; ++column) {
      const int64_t i = place(column);
      const float change = change_to(row, i, fit);
      errors_[at(row, i)] += change;
      add_scaled(change, factors_.gram().row(i), 0, source_.n_cols, &slopes_[at(row, 0)]);
    }
  }

  void store(int64_t row, int64_t r) {
    std::vector<uint8_t> codes(static_cast<size_t>(source_.n_cols));
    for (int64_t i = 0; i < source_.n_cols; ++i) codes[static_cast<size_t>(column_of(i))] = codes_[at(r, i)];
    for (int64_t block = 0; block < n_blocks_; ++block) {
      const int64_t begin = block * coder_.block_length();
      coder_.store(row, begin, block_of(r, block),
                   std::span<const uint8_t>(codes).subspan(static_cast<size_t>(begin),
                                                           static_cast<size_t>(end_of(block) - begin)));
    }
  }

  struct SubBlock {
    int32_t block, sub;
  };

  const Matrix& matrix_;
  const MatrixSource& source_;
  const FeedbackFactors& factors_;
  const FeedbackOptions& options_;
  MatrixCoder& coder_;
  int64_t stride_, n_blocks_, n_rows_ = 0;
  // The numbers, what their columns aim at, number less what its code stands for, errors * gram.
  std::vector<float> weights_, aims_, errors_, slopes_;
  std::vector<float> change_;                         // of the numbers of a sub-block, and zeros
  std::vector<float> block_numbers_, block_weights_;  // of a block that is no whole vectors
  std::vector<uint8_t> codes_;
  std::vector<float> in_blocks_;  // the numbers as the matrix has them
  std::vector<BlockFit> blocks_;
  std::vector<SubBlock> subs_;  // that columns are in
};

// `work(begin, end)` gives a sum over such rows; they are added in order.
template <typename Sum, typename Work>
Sum over_tiles(ThreadPool& pool, int64_t n_rows, const Work& work) {
  std::vector<Sum> sums(static_cast<size_t>((n_rows + kTileRows - 1) / kTileRows));
  pool.parallel_for(std::ssize(sums), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t tile = begin; tile < end; ++tile)
      sums[static_cast<size_t>(tile)] = work(tile * kTileRows, std::min(n_rows, (tile + 1) * kTileRows));
  });
  Sum all{};
  for (const Sum& one : sums) all += one;
  return all;
}

}  // namespace

ErrorSums quantize_with_feedback(ThreadPool& pool, const MatrixSource& source, const FeedbackFactors& factors,
                                 const FeedbackOptions& options, MatrixCoder& coder) {
  const Matrix matrix(source, factors, options, coder);
  return over_tiles<ErrorSums>(pool, source.n_rows,
                               [&](int64_t begin, int64_t end) { return Tile(matrix).run(begin, end); });
}

double output_energy(ThreadPool& pool, const SquareMatrix& gram, int64_t n_rows,
                     const std::function<void(int64_t row, std::span<float> values)>& read) {
  const int64_t stride = gram.stride;
  return over_tiles<double>(pool, n_rows, [&](int64_t begin, int64_t end) {
    const auto size = static_cast<size_t>((end - begin) * stride), n_cols = static_cast<size_t>(gram.n);
    std::vector<float> numbers(size), products(size);
    for (int64_t row = begin; row < end; ++row)
      read(row, std::span(numbers).subspan(static_cast<size_t>((row - begin) * stride), n_cols));
    add_product(numbers.data(), stride, gram.row(0), stride, end - begin, gram.n, 0, stride, products.data(), stride);
    double sum = 0;
    for (size_t i = 0; i < size; ++i) sum += double{numbers[i]} * products[i];
    return sum;
  });
}

ErrorSums output_error(ThreadPool& pool, const MatrixSource& source, const SquareMatrix& gram,
                       const std::function<void(int64_t row, std::span<float> values)>& read_new) {
  const auto read_error = [&](int64_t row, std::span<float> values) {
    std::vector<float> own(values.size());
    source.read(row, own);
    read_new(row, values);
    for (size_t i = 0; i < own.size(); ++i) values[i] = own[i] - values[i];
  };
  return {output_energy(pool, gram, source.n_rows, read_error), output_energy(pool, gram, source.n_rows, source.read)};
}

}  // namespace tidemill
