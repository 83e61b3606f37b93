// Values of a graph that is interpreted: arrays of any rank, immutable once an operator has made them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tidemill/tensor.h"

namespace tidemill::onnx {

// All floats of a file are computed in f32, all whole numbers in 64 bits.
enum class Kind : uint8_t { real, integer, boolean };

using Dims = std::vector<int64_t>;

// Throws bad_file for a product that overflows.
int64_t count_of(const Dims& dims);
std::string text_of(const Dims& dims);  // "[2, 7, 384]"

// What a run may take, so that a small file cannot ask for all memory or all time.
struct Budget {
  int64_t live_bytes;  // of values at once
  int64_t made_bytes;  // of values in all
  int64_t products;    // multiplications of matrix products
};

class Value {
 public:
  Value() = default;
  // Of undefined content; takes from `budget`, which outlives it, and gives back what is live.
  // Throws out_of_memory when that is not enough.
  Value(Kind kind, Dims dims, Budget& budget);
  // `tensor` in a kind of ours: a view of f32, which then must outlive the value, and a copy of other types.
  static Value of(const Tensor& tensor, Budget& budget);

  bool empty() const { return data_ == nullptr; }
  Kind kind() const { return kind_; }
  const Dims& dims() const { return dims_; }
  int64_t rank() const { return static_cast<int64_t>(dims_.size()); }
  int64_t dim(int64_t axis) const { return dims_[static_cast<size_t>(axis)]; }
  int64_t last() const { return dims_.empty() ? 1 : dims_.back(); }
  int64_t n() const { return n_; }

  // The elements; the caller has checked the kind.
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(data_.get());
  }
  const float* reals() const { return as<float>(); }
  const int64_t* integers() const { return as<int64_t>(); }
  const bool* booleans() const { return as<bool>(); }

  // The same elements with other dims, of as many.
  Value reshaped(Dims dims) const;
  // A view as f32 rows; of a real value.
  Tensor rows() const;

 private:
  Kind kind_ = Kind::real;
  Dims dims_;
  int64_t n_ = 0;
  std::shared_ptr<std::byte> data_;
};

size_t element_bytes(Kind kind);
const char* name_of(Kind kind);

}  // namespace tidemill::onnx
