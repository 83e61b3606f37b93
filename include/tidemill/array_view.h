// Arrays of other people: NumPy's, PyTorch's, of any number of dimensions and any strides.
#pragma once

#include <cstdint>
#include <span>

#include "tidemill/dtype.h"

namespace tidemill {

// A view of numbers that somebody else keeps.  Strides are in bytes, may be zero (an axis that is repeated) or
// negative, and elements lie at multiples of their size.  A Tensor is the library's own form, with rows that lie in one
// piece.
struct ArrayView {
  void* data = nullptr;
  DType dtype = DType::f32;
  std::span<const int64_t> shape;
  std::span<const int64_t> strides;  // as many

  int rank() const { return static_cast<int>(shape.size()); }
  // Of an axis from the end: dim(1) is the last one, 1 where there are fewer axes.
  int64_t dim(int from_end) const {
    return from_end > rank() ? 1 : shape[shape.size() - static_cast<size_t>(from_end)];
  }
  int64_t n_elements() const {
    int64_t n = 1;
    for (const int64_t dim : shape) n *= dim;
    return n;
  }
  // Whether the elements lie in one piece, the last axis innermost.
  bool is_contiguous() const {
    int64_t expected = info(dtype).block_bytes;
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (shape[axis] == 0) return true;
      if (shape[axis] != 1 && strides[axis] != expected) return false;
      expected *= shape[axis];
    }
    return true;
  }
};

}  // namespace tidemill
