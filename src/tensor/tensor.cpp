#include "tidemill/tensor.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

namespace tidemill {
namespace {

[[noreturn]] void fail(const std::string& message) {
  throw Error(ErrorCode::invalid_argument, message);
}

std::string list(std::span<const int64_t> dims) {
  std::string text = "[";
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string(dims[axis]);
  }
  return text + "]";
}

std::string describe(const Tensor& tensor) {
  return "tensor " + std::string(info(tensor.dtype()).name) + " " + tensor.shape().to_string();
}

// a * b for a, b >= 0; false when it does not fit.
bool multiply(int64_t a, int64_t b, int64_t& product) {
  if (b != 0 && a > std::numeric_limits<int64_t>::max() / b) return false;
  product = a * b;
  return true;
}

// The byte strides of a contiguous tensor.  Throws invalid_argument as `size_bytes` does.
std::array<int64_t, kMaxRank> contiguous_strides(DType dtype, const Shape& shape) {
  std::array<int64_t, kMaxRank> strides{};
  if (shape.rank() == 0) return strides;
  const DTypeInfo& row = info(dtype);
  const int last = shape.rank() - 1;
  strides[last] = row.block_bytes;
  // Blocks, not elements, are steps of the last axis.  No product overflows: see `size_bytes`.
  int64_t stride = std::max<int64_t>(shape.last() / row.block_length, 1) * row.block_bytes;
  for (int axis = last - 1; axis >= 0; --axis) {
    strides[axis] = stride;
    stride *= std::max<int64_t>(shape[axis], 1);
  }
  return strides;
}

void expect_rows(const Tensor& tensor, std::string_view operation) {
  if (tensor.layout() != Layout::rows) {
    fail(describe(tensor) + ": " + std::string(operation) +
         " cannot look into a backend's own layout; use the weight as it was loaded");
  }
}

void expect_columns_in_order(const Tensor& tensor, std::string_view operation) {
  if (tensor.column_order() != nullptr) {
    fail(describe(tensor) + ": " + std::string(operation) +
         " would lose the order that its columns have; convert to f32 first");
  }
}

void expect_axis(const Tensor& tensor, int axis) {
  if (axis < 0 || axis >= tensor.shape().rank()) {
    fail(describe(tensor) + ": has no axis " + std::to_string(axis) + "; give one from 0 to rank - 1");
  }
}

}  // namespace

Shape::Shape(std::span<const int64_t> dims) {
  if (dims.size() > static_cast<size_t>(kMaxRank)) {
    fail("shape: " + std::to_string(dims.size()) + " dimensions are too many; give at most " +
         std::to_string(kMaxRank));
  }
  // Empty dimensions count as one, so that the strides of an empty tensor cannot overflow either.
  int64_t product = 1;
  for (const int64_t dim : dims) {
    if (dim < 0) fail("shape: " + list(dims) + " has a negative dimension; give 0 or more");
    if (!multiply(product, std::max<int64_t>(dim, 1), product)) {
      fail("shape: " + list(dims) + " has more than 2^63 elements; give smaller dimensions");
    }
  }
  std::ranges::copy(dims, dims_.begin());
  rank_ = static_cast<int>(dims.size());
}

int64_t Shape::n_elements() const {
  int64_t product = 1;
  for (const int64_t dim : dims()) product *= dim;
  return product;
}

bool Shape::operator==(const Shape& other) const {
  return std::ranges::equal(dims(), other.dims());
}

std::string Shape::to_string() const {
  return list(dims());
}

int64_t size_bytes(DType dtype, const Shape& shape) {
  const DTypeInfo& row = info(dtype);
  if (shape.last() % row.block_length != 0) {
    fail("shape: rows of " + shape.to_string() + " do not hold whole blocks of " + std::string(row.name) +
         "; the last dimension must be a multiple of " + std::to_string(row.block_length));
  }
  int64_t size = std::max<int64_t>(shape.last() / row.block_length, 1);
  bool fits = multiply(size, row.block_bytes, size);
  for (int axis = 0; fits && axis + 1 < shape.rank(); ++axis) {
    fits = multiply(size, std::max<int64_t>(shape[axis], 1), size);
  }
  if (!fits) {
    fail("shape: " + shape.to_string() + " of " + std::string(row.name) +
         " takes more than 2^63 bytes; give smaller dimensions");
  }
  return shape.n_elements() == 0 ? 0 : size;
}

Tensor::Tensor(void* data, DType dtype, const Shape& shape) : data_(data), dtype_(dtype), shape_(shape) {
  tidemill::size_bytes(dtype, shape);  // for what it throws
  strides_ = contiguous_strides(dtype, shape);
}

int64_t Tensor::size_bytes() const {
  return tidemill::size_bytes(dtype_, shape_);
}

bool Tensor::is_contiguous() const {
  if (layout_ != Layout::rows) return false;
  if (n_elements() == 0) return true;
  const auto wanted = contiguous_strides(dtype_, shape_);
  for (int axis = 0; axis < shape_.rank(); ++axis) {
    if (shape_[axis] != 1 && strides_[axis] != wanted[axis]) return false;  // one step is never taken
  }
  return true;
}

Tensor Tensor::reshape(const Shape& shape) const {
  expect_rows(*this, "reshape");
  expect_columns_in_order(*this, "reshape");
  if (shape.n_elements() != n_elements()) {
    fail(describe(*this) + ": cannot be seen as " + shape.to_string() +
         ", which has another number of elements; give a shape of " + std::to_string(n_elements()));
  }
  if (!is_contiguous()) {
    fail(describe(*this) + ": cannot be seen as " + shape.to_string() +
         " because its rows are not contiguous; copy it first");
  }
  return Tensor(data_, dtype_, shape);
}

Tensor Tensor::slice(int axis, int64_t begin, int64_t end) const {
  expect_rows(*this, "slice");
  expect_axis(*this, axis);
  if (begin < 0 || end < begin || end > shape_[axis]) {
    fail(describe(*this) + ": elements [" + std::to_string(begin) + ", " + std::to_string(end) + ") of axis " +
         std::to_string(axis) + " are out of range; it has " + std::to_string(shape_[axis]));
  }
  if (axis > 0) expect_columns_in_order(*this, "slice");
  // Only the last axis steps in blocks.
  const int64_t step = axis == shape_.rank() - 1 ? info(dtype_).block_length : 1;
  if (begin % step != 0 || end % step != 0) {
    fail(describe(*this) + ": elements [" + std::to_string(begin) + ", " + std::to_string(end) +
         ") would split a block; cut at multiples of " + std::to_string(step));
  }
  Tensor view = *this;
  std::array<int64_t, kMaxRank> dims{};
  std::ranges::copy(shape_.dims(), dims.begin());
  dims[axis] = end - begin;
  view.shape_ = Shape(std::span(dims).first(shape_.dims().size()));
  view.data_ = static_cast<std::byte*>(data_) + begin / step * strides_[axis];
  return view;
}

Tensor Tensor::transpose(int axis_a, int axis_b) const {
  expect_rows(*this, "transpose");
  expect_columns_in_order(*this, "transpose");
  expect_axis(*this, axis_a);
  expect_axis(*this, axis_b);
  const int last = shape_.rank() - 1;
  if (axis_a != axis_b && (axis_a == last || axis_b == last) && info(dtype_).block_length > 1) {
    fail(describe(*this) + ": the last axis holds blocks of " + std::to_string(info(dtype_).block_length) +
         " elements and cannot change places; convert to f32 first");
  }
  Tensor view = *this;
  std::array<int64_t, kMaxRank> dims{};
  std::ranges::copy(shape_.dims(), dims.begin());
  std::swap(dims[axis_a], dims[axis_b]);
  std::swap(view.strides_[axis_a], view.strides_[axis_b]);
  view.shape_ = Shape(std::span(dims).first(shape_.dims().size()));
  return view;
}

Tensor Tensor::with_panels(void* data, Layout layout) const {
  Tensor view = *this;
  view.data_ = data;
  view.layout_ = layout;
  return view;
}

Tensor Tensor::with_column_order(const int32_t* order) const {
  Tensor view = *this;
  view.column_order_ = order;
  return view;
}

void expect_shape(std::string_view what, const Shape& found, const Shape& expected) {
  if (found == expected) return;
  fail(std::string(what) + ": the shape is " + found.to_string() + ", expected " + expected.to_string());
}

}  // namespace tidemill
