#include "api/arrays/array_rows.h"

#include <algorithm>

#include "backends/cpu/convert.h"
#include "backends/cpu/grain.h"

namespace tidemill {
namespace {

// Rows whose numbers are far apart are read side by side, a line of the cache for so many of them.
constexpr int64_t kColumns = 16;

template <typename T>
void gather(const std::byte* source, int64_t stride, int64_t n, T* target) {
  for (int64_t i = 0; i < n; ++i) target[i] = *reinterpret_cast<const T*>(source + i * stride);
}
template <typename T>
void scatter(const T* source, int64_t n, std::byte* target, int64_t stride) {
  for (int64_t i = 0; i < n; ++i) *reinterpret_cast<T*>(target + i * stride) = source[i];
}

// Calls `body(number)` with an unsigned number of as many bytes.
template <typename Body>
void with_bits(int64_t item, Body&& body) {
  if (item == 2) return body(uint16_t{});
  if (item == 4) return body(uint32_t{});
  return body(uint64_t{});
}

// n numbers at any stride, by way of pieces that are converted at once.
constexpr int64_t kPiece = 64;

void load_strided(DType dtype, int64_t item, const std::byte* source, int64_t stride, int64_t n, float* target) {
  with_bits(item, [&](auto bits) {
    decltype(bits) piece[kPiece];
    for (int64_t i = 0; i < n; i += kPiece) {
      const int64_t count = std::min(kPiece, n - i);
      gather(source + i * stride, stride, count, piece);
      widen(dtype, piece, target + i, count);
    }
  });
}

void store_strided(DType dtype, int64_t item, const float* source, std::byte* target, int64_t stride, int64_t n) {
  with_bits(item, [&](auto bits) {
    decltype(bits) piece[kPiece];
    for (int64_t i = 0; i < n; i += kPiece) {
      const int64_t count = std::min(kPiece, n - i);
      narrow(source + i, dtype, piece, count);
      scatter(piece, count, target + i * stride, stride);
    }
  });
}

}  // namespace

ArrayRows::ArrayRows(const ArrayView& array, int axis)
    : data_(static_cast<std::byte*>(array.data)), dtype_(array.dtype), item_(info(array.dtype).block_bytes) {
  stride_ = item_;
  for (int i = 0; i < array.rank(); ++i) {
    const int64_t size = array.shape[static_cast<size_t>(i)], stride = array.strides[static_cast<size_t>(i)];
    if (i == axis) {
      width_ = size;
      stride_ = size == 1 ? item_ : stride;
      continue;
    }
    n_rows_ *= size;
    if (size == 1) continue;
    if (!axes_.empty() && axes_.back().stride == size * stride) {
      axes_.back() = {axes_.back().size * size, stride};
    } else {
      axes_.push_back({size, stride});
    }
  }
  is_dense_ = stride_ == item_ && (axes_.empty() || (axes_.size() == 1 && axes_[0].stride == width_ * item_));
}

ArrayRows ArrayRows::flat(const ArrayView& array) {
  ArrayRows rows;
  rows.data_ = static_cast<std::byte*>(array.data);
  rows.dtype_ = array.dtype;
  rows.item_ = rows.stride_ = info(array.dtype).block_bytes;
  rows.n_rows_ = array.n_elements();
  rows.axes_ = {{rows.n_rows_, rows.item_}};
  rows.is_dense_ = true;
  return rows;
}

bool ArrayRows::is_columns() const {
  return dtype_ == DType::f32 && !axes_.empty() && axes_.back().stride == item_ && stride_ > item_ &&
         stride_ % item_ == 0;
}

int64_t ArrayRows::rows_per_block() const {
  const bool is_side_by_side = !axes_.empty() && axes_.back().stride == item_ && stride_ != item_;
  return std::max(rows_per_piece(width_), is_side_by_side ? kColumns : 1);
}

std::byte* ArrayRows::row_at(int64_t row) const {
  std::byte* at = data_;
  for (size_t i = axes_.size(); i-- > 0;) {
    at += row % axes_[i].size * axes_[i].stride;
    row /= axes_[i].size;
  }
  return at;
}

int64_t ArrayRows::columns_from(int64_t row, int64_t n) const {
  if (axes_.empty() || axes_.back().stride != item_ || stride_ == item_) return 1;
  return std::min({n, kPiece, axes_.back().size - row % axes_.back().size});
}

void ArrayRows::load(int64_t first, int64_t n, float* target) const {
  if (is_dense_) return widen(dtype_, data_ + first * width_ * item_, target, n * width_);
  for (int64_t row = 0; row < n;) {
    const std::byte* const source = row_at(first + row);
    float* const to = target + row * width_;
    const int64_t n_columns = columns_from(first + row, n - row);
    if (n_columns > 1) {
      float line[kPiece];
      for (int64_t i = 0; i < width_; ++i) {
        widen(dtype_, source + i * stride_, line, n_columns);
        for (int64_t j = 0; j < n_columns; ++j) to[j * width_ + i] = line[j];
      }
    } else if (stride_ == item_) {
      widen(dtype_, source, to, width_);
    } else {
      load_strided(dtype_, item_, source, stride_, width_, to);
    }
    row += n_columns;
  }
}

void ArrayRows::store(int64_t first, int64_t n, const float* source) const {
  if (is_dense_) return narrow(source, dtype_, data_ + first * width_ * item_, n * width_);
  for (int64_t row = 0; row < n;) {
    std::byte* const target = row_at(first + row);
    const float* const from = source + row * width_;
    const int64_t n_columns = columns_from(first + row, n - row);
    if (n_columns > 1) {
      float line[kPiece];
      for (int64_t i = 0; i < width_; ++i) {
        for (int64_t j = 0; j < n_columns; ++j) line[j] = from[j * width_ + i];
        narrow(line, dtype_, target + i * stride_, n_columns);
      }
    } else if (stride_ == item_) {
      narrow(from, dtype_, target, width_);
    } else {
      store_strided(dtype_, item_, from, target, stride_, width_);
    }
    row += n_columns;
  }
}

}  // namespace tidemill
