#include "api/arrays/array_checks.h"

#include <algorithm>

#include "api/arrays/array_rows.h"
#include "tensor/half.h"
#include "tidemill/tensor_ops.h"

namespace tidemill {

std::string to_string(std::span<const int64_t> shape) {
  std::string text = "[";
  for (const int64_t dim : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(dim);
  return text + "]";
}

void refuse(const std::string& message) {
  throw Error(ErrorCode::invalid_argument, message);
}

void refuse_shape(std::string_view name, const ArrayView& array, const std::string& why) {
  throw ShapeError(std::string(name) + ": the shape " + to_string(array.shape) + ": " + why);
}

void expect_float(std::string_view name, const ArrayView& array) {
  switch (array.dtype) {
    case DType::f32:
    case DType::f16:
    case DType::bf16:
    case DType::f64:
      return;
    default:
      refuse(std::string(name) + ": numbers of " + std::string(info(array.dtype).name) +
             "; give f32, f16, bf16 or f64");
  }
}

void expect_rank(std::string_view name, const ArrayView& array, int n_axes) {
  if (array.rank() < n_axes) refuse_shape(name, array, "expected at least " + std::to_string(n_axes) + " axes");
}

void expect_result(std::span<const int64_t> shape, const ArrayView& out) {
  expect_float("out", out);
  if (!std::ranges::equal(shape, out.shape)) refuse_shape("out", out, "expected " + to_string(shape));
}

double load_double(const ArrayView& array, int64_t offset) {
  const auto* const at = static_cast<const std::byte*>(array.data) + offset;
  switch (array.dtype) {
    case DType::f64:
      return *reinterpret_cast<const double*>(at);
    case DType::f16:
      return f16_to_f32(*reinterpret_cast<const uint16_t*>(at));
    case DType::bf16:
      return bf16_to_f32(*reinterpret_cast<const uint16_t*>(at));
    default:
      return *reinterpret_cast<const float*>(at);
  }
}

void store_double(const ArrayView& array, int64_t offset, double value) {
  auto* const at = static_cast<std::byte*>(array.data) + offset;
  switch (array.dtype) {
    case DType::f64:
      *reinterpret_cast<double*>(at) = value;
      return;
    case DType::f16:
      *reinterpret_cast<uint16_t*>(at) = f32_to_f16(static_cast<float>(value));
      return;
    case DType::bf16:
      *reinterpret_cast<uint16_t*>(at) = f32_to_bf16(static_cast<float>(value));
      return;
    default:
      *reinterpret_cast<float*>(at) = static_cast<float>(value);
  }
}

void load_part(const ArrayView& array, int64_t begin, int64_t end, float* target) {
  ArrayView part = array;
  const int64_t shape[] = {end - begin};
  part.data = static_cast<std::byte*>(array.data) + begin * array.strides[0];
  part.shape = shape;
  ArrayRows(part).load(0, 1, target);
}

}  // namespace tidemill
