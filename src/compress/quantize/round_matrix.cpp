#include "compress/quantize/round_matrix.h"

#include <algorithm>
#include <array>
#include <vector>

namespace tidemill {
namespace {

// What one thread rounds rows with.
class RowRounder {
 public:
  RowRounder(const MatrixSource& source, ScaleSearch search, MatrixCoder& coder)
      : source_(source), search_(search), coder_(coder) {
    const auto padded = static_cast<size_t>(dense_stride(source.n_cols));
    values_.resize(padded);
    importance_.resize(padded);
    levels_.resize(static_cast<size_t>(dense_stride(coder.block_length())));
    codes_.resize(levels_.size());
    for (int64_t i = 0; i < source.n_cols; ++i)
      importance_[static_cast<size_t>(i)] =
          source.importance.empty() ? 1.0f : source.importance[static_cast<size_t>(i)];
    for (int code = 0; code < coder.levels().n_codes; ++code)
      code_of_[static_cast<size_t>(coder.levels().of(code) + kLevelOffset)] = static_cast<uint8_t>(code);
  }

  void round(int64_t row) {
    source_.read(row, std::span(values_).first(static_cast<size_t>(source_.n_cols)));
    const int64_t length = coder_.block_length();
    for (int64_t begin = 0; begin < source_.n_cols; begin += length)
      round_block(row, begin, std::min(source_.n_cols, begin + length) - begin);
  }

  ErrorSums sums() const { return sums_; }

 private:
  static constexpr int kLevelOffset = 128;  // levels are -128 to 255

  void round_block(int64_t row, int64_t begin, int64_t n) {
    const auto padded = static_cast<size_t>(dense_stride(n));
    const auto values = whole_vectors(std::span(values_).subspan(static_cast<size_t>(begin)), n, block_values_);
    const auto importance =
        whole_vectors(std::span(importance_).subspan(static_cast<size_t>(begin)), n, block_importance_);
    coder_.fit(values, importance, search_, block_);
    const int64_t sub_length = std::min<int64_t>(coder_.sub_length(), static_cast<int64_t>(padded));
    for (int64_t sub = 0, s = 0; sub < n; sub += sub_length, ++s) {
      const auto count = static_cast<size_t>(std::min(sub_length, static_cast<int64_t>(padded) - sub));
      const auto first = static_cast<size_t>(sub);
      sums_ += nearest_levels(values.subspan(first, count), importance.subspan(first, count), coder_.levels(),
                              block_.fits[static_cast<size_t>(s)], levels_.data() + sub);
      for (size_t i = first; i < first + count; ++i)
        codes_[i] = code_of_[static_cast<size_t>(static_cast<int>(levels_[i]) + kLevelOffset)];
    }
    coder_.store(row, begin, block_, std::span<const uint8_t>(codes_).first(static_cast<size_t>(n)));
  }

  const MatrixSource& source_;
  ScaleSearch search_;
  MatrixCoder& coder_;
  std::vector<float> values_, importance_, levels_, block_values_, block_importance_;
  std::vector<uint8_t> codes_;
  std::array<uint8_t, 384> code_of_{};  // by level, from -kLevelOffset on
  BlockFit block_;
  ErrorSums sums_;
};

}  // namespace

ErrorSums round_matrix(ThreadPool& pool, const MatrixSource& source, ScaleSearch search, MatrixCoder& coder) {
  constexpr int64_t kRows = 16;  // of a piece
  // Sums by piece, so that their order does not depend on who did which.
  std::vector<ErrorSums> sums(static_cast<size_t>((source.n_rows + kRows - 1) / kRows));
  pool.parallel_for(std::ssize(sums), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t piece = begin; piece < end; ++piece) {
      RowRounder rounder(source, search, coder);
      for (int64_t row = piece * kRows; row < std::min(source.n_rows, (piece + 1) * kRows); ++row) rounder.round(row);
      sums[static_cast<size_t>(piece)] = rounder.sums();
    }
  });
  ErrorSums all;
  for (const ErrorSums& one : sums) all += one;
  return all;
}

}  // namespace tidemill
