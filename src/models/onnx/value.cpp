#include "models/onnx/value.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tensor/dequantize.h"
#include "tidemill/error.h"

namespace tidemill::onnx {
namespace {

template <typename From, typename To>
void widen(const Tensor& tensor, To* target) {
  const From* const source = tensor.as<From>();
  for (int64_t i = 0; i < tensor.n_elements(); ++i) target[i] = static_cast<To>(source[i]);
}

void widen_integers(const Tensor& tensor, int64_t* target) {
  switch (tensor.dtype()) {
    case DType::i64:
      return widen<int64_t>(tensor, target);
    case DType::i32:
      return widen<int32_t>(tensor, target);
    case DType::i16:
      return widen<int16_t>(tensor, target);
    case DType::i8:
      return widen<int8_t>(tensor, target);
    case DType::u8:
      return widen<uint8_t>(tensor, target);
    case DType::u16:
      return widen<uint16_t>(tensor, target);
    case DType::u32:
      return widen<uint32_t>(tensor, target);
    default:
      return widen<uint64_t>(tensor, target);
  }
}

}  // namespace

int64_t count_of(const Dims& dims) {
  int64_t n = 1;
  for (const int64_t dim : dims) {
    if (dim < 0 || __builtin_mul_overflow(n, dim, &n))
      throw Error(ErrorCode::bad_file, "a value of dimensions " + text_of(dims) + " cannot be");
  }
  return n;
}

std::string text_of(const Dims& dims) {
  std::string text = "[";
  for (size_t axis = 0; axis < dims.size(); ++axis) text += (axis > 0 ? ", " : "") + std::to_string(dims[axis]);
  return text + "]";
}

size_t element_bytes(Kind kind) {
  return kind == Kind::real ? sizeof(float) : kind == Kind::integer ? sizeof(int64_t) : sizeof(bool);
}

const char* name_of(Kind kind) {
  return kind == Kind::real ? "floats" : kind == Kind::integer ? "whole numbers" : "truth values";
}

Value::Value(Kind kind, Dims dims, Budget& budget) : kind_(kind), dims_(std::move(dims)), n_(count_of(dims_)) {
  int64_t n_bytes = 0;
  const bool is_too_large = __builtin_mul_overflow(n_, static_cast<int64_t>(element_bytes(kind)), &n_bytes) ||
                            n_bytes > budget.live_bytes || n_bytes > budget.made_bytes;
  if (is_too_large)
    throw Error(ErrorCode::out_of_memory, "a value of dimensions " + text_of(dims_) +
                                              " takes more memory than a run may have; give shorter texts");
  budget.live_bytes -= n_bytes;
  budget.made_bytes -= n_bytes;
  auto* const bytes = new std::byte[static_cast<size_t>(std::max<int64_t>(n_bytes, 1))];
  data_ = std::shared_ptr<std::byte>(bytes, [n_bytes, &budget](std::byte* memory) {
    budget.live_bytes += n_bytes;
    delete[] memory;
  });
}

Value Value::of(const Tensor& tensor, Budget& budget) {
  const auto shape = tensor.shape().dims();
  Dims dims(shape.begin(), shape.end());
  if (tensor.dtype() == DType::f32 && tensor.n_elements() > 0) {
    Value value;
    value.n_ = tensor.n_elements();
    value.dims_ = std::move(dims);
    value.data_ = std::shared_ptr<std::byte>(tensor.as<std::byte>(), [](std::byte*) {});
    return value;
  }
  const bool is_real = info(tensor.dtype()).is_float || tensor.dtype() == DType::f32;
  const bool is_boolean = tensor.dtype() == DType::boolean;
  Value value(is_real ? Kind::real : is_boolean ? Kind::boolean : Kind::integer, std::move(dims), budget);
  if (value.n() == 0) return value;
  if (is_real) {
    dequantize(tensor.dtype(), tensor.data(), std::span(value.as<float>(), static_cast<size_t>(value.n())));
  } else if (is_boolean) {
    const uint8_t* const bits = tensor.as<uint8_t>();
    for (int64_t i = 0; i < value.n(); ++i) value.as<bool>()[i] = bits[i] != 0;
  } else {
    widen_integers(tensor, value.as<int64_t>());
  }
  return value;
}

Value Value::reshaped(Dims dims) const {
  Value value = *this;
  value.dims_ = std::move(dims);
  return value;
}

Tensor Value::rows() const {
  const int64_t width = last();
  return Tensor(data_.get(), DType::f32, {width == 0 ? 0 : n_ / width, width});
}

}  // namespace tidemill::onnx
