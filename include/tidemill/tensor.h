// Shape and Tensor: a tensor is a view of memory that somebody else owns, and costs nothing to copy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "tidemill/dtype.h"
#include "tidemill/error.h"

namespace tidemill {

inline constexpr int kMaxRank = 5;

// Up to five dimensions, outermost first.  A rank of 0 is a scalar with one element.
class Shape {
 public:
  Shape() = default;
  // Throws invalid_argument for more than kMaxRank dimensions, a negative one, or a product that overflows int64.
  Shape(std::initializer_list<int64_t> dims) : Shape(std::span<const int64_t>(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const int64_t> dims);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return dims_[axis]; }
  int64_t last() const { return rank_ == 0 ? 1 : dims_[rank_ - 1]; }
  int64_t n_elements() const;
  std::span<const int64_t> dims() const { return {dims_.data(), static_cast<size_t>(rank_)}; }
  bool operator==(const Shape& other) const;
  std::string to_string() const;  // "[4096, 512]"

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

// How the elements lie in memory.
enum class Layout : uint8_t {
  rows,           // strided rows; blocks of a block format are whole within a row
  panels,         // [n_rows, n_cols] re-laid by a backend for its own matmul kernels; only that backend reads it
  halved_panels,  // the same with the halves of each code apart, so that one half can be read alone
};

// A non-owning view: whoever made the memory (mapped file, arena, storage, the caller) keeps it alive.
// Strides are in bytes.  In a block format the last dimension is contiguous and every row holds whole blocks.
class Tensor {
 public:
  Tensor() = default;
  // A contiguous row-major view of `shape` at `data`.  Throws invalid_argument when the last dimension does not hold
  // whole blocks of `dtype`.
  Tensor(void* data, DType dtype, const Shape& shape);

  bool empty() const { return data_ == nullptr; }
  DType dtype() const { return dtype_; }
  Layout layout() const { return layout_; }
  const Shape& shape() const { return shape_; }
  int64_t dim(int axis) const { return shape_[axis]; }
  int64_t stride_bytes(int axis) const { return strides_[axis]; }
  int64_t n_elements() const { return shape_.n_elements(); }
  // Where columns of a matrix of weights lie in another order: column j in memory is column column_order()[j] of the
  // matrix, dim(1) numbers that whoever made the tensor keeps; null: in order.
  const int32_t* column_order() const { return column_order_; }
  // Bytes from the first to past the last element of a contiguous tensor of this shape and dtype.
  int64_t size_bytes() const;
  bool is_contiguous() const;

  void* data() const { return data_; }
  // The elements as T, e.g. `t.as<float>()`; the caller has checked the dtype.
  template <typename T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  // Start of row `index` of a tensor seen as [n_rows, last]; only for rank 2.
  template <typename T>
  T* row(int64_t index) const {
    return reinterpret_cast<T*>(static_cast<std::byte*>(data_) + index * strides_[0]);
  }

  // The same memory seen with another shape of as many elements.  Throws invalid_argument unless contiguous.
  Tensor reshape(const Shape& shape) const;
  // Elements [begin, end) of one axis, without a copy.  Throws invalid_argument when out of range, or when a cut in
  // the last axis of a block format would split a block.  Only rows of a matrix whose columns have an order of their
  // own.
  Tensor slice(int axis, int64_t begin, int64_t end) const;
  // Two axes exchanged, without a copy.  Throws invalid_argument when a block format's last axis is one of them.
  Tensor transpose(int axis_a, int axis_b) const;
  // The same shape over memory that a backend laid out for itself, as panels or halved panels.
  Tensor with_panels(void* data, Layout layout = Layout::panels) const;
  // The same memory, of which it is said in what order columns lie.
  Tensor with_column_order(const int32_t* order) const;

 private:
  void* data_ = nullptr;
  DType dtype_ = DType::f32;
  Layout layout_ = Layout::rows;
  const int32_t* column_order_ = nullptr;
  Shape shape_;
  std::array<int64_t, kMaxRank> strides_{};
};

// Bytes of a contiguous tensor; throws invalid_argument when the last dimension does not hold whole blocks or the
// size does not fit in int64.  Safe for numbers that come from a file.
int64_t size_bytes(DType dtype, const Shape& shape);

// Throws invalid_argument, naming `what`, both shapes, unless they are equal.
void expect_shape(std::string_view what, const Shape& found, const Shape& expected);

}  // namespace tidemill
