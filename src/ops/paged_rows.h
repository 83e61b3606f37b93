// PagedRows: a layer's cache of keys, or of values, whose positions lie in pages.
//
// Sequences that begin alike share the pages of their beginning (Kwon et al. 2023, arXiv:2309.06180), and one takes
// memory for the positions that it has, not for those it may come to.  A page holds some positions of all layers
// (runtime/state.h); a layer's rows of it lie side by side, so that what walks over positions meets long runs of
// memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tidemill/tensor.h"

namespace tidemill {

// Positions in a page.
inline constexpr int64_t kPageRows = 128;

// A view: whoever owns the pages and their table keeps both.
class PagedRows {
 public:
  PagedRows() = default;

  // Rows that all lie in one piece: [n_rows, width], contiguous.
  PagedRows(const Tensor& rows)  // NOLINT(google-explicit-constructor): it is the same, with one page
      : whole_(rows.as<std::byte>()), dtype_(rows.dtype()), shape_(rows.shape()), row_bytes_(rows.stride_bytes(0)) {}

  // `n_rows` rows of `width` elements: kPageRows in each page of `table`, of which they begin at byte `offset`.
  PagedRows(std::byte* const* table, int64_t offset, DType dtype, int64_t n_rows, int64_t width)
      : table_(table),
        offset_(offset),
        dtype_(dtype),
        shape_({n_rows, width}),
        row_bytes_(tidemill::size_bytes(dtype, {width})) {}

  bool empty() const { return whole_ == nullptr && table_ == nullptr; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t n_rows() const { return shape_[0]; }
  int64_t width() const { return shape_[1]; }
  int64_t row_bytes() const { return row_bytes_; }

  // The row of a position whose page is there.  Those behind it in the same page follow it.
  template <typename T>
  T* row(int64_t pos) const {
    std::byte* const first = table_ == nullptr ? whole_ + pos * row_bytes_
                                               : table_[pos / kPageRows] + offset_ + pos % kPageRows * row_bytes_;
    return reinterpret_cast<T*>(first);
  }

 private:
  std::byte* whole_ = nullptr;
  std::byte* const* table_ = nullptr;
  int64_t offset_ = 0;
  DType dtype_ = DType::f32;
  Shape shape_;
  int64_t row_bytes_ = 0;
};

}  // namespace tidemill
