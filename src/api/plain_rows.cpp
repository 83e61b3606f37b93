#include "api/plain_rows.h"

#include <cstring>
#include <vector>

#include "tensor/dequantize.h"
#include "tensor/half.h"
#include "tensor/unpack_row.h"

namespace tidemill {
namespace {

template <typename T, typename Round>
void write_numbers(std::span<const float> values, std::byte* target, Round round) {
  for (const float value : values) {
    const T number = round(value);
    std::memcpy(target, &number, sizeof number);
    target += sizeof number;
  }
}

}  // namespace

void read_row(const Tensor& tensor, int64_t row, std::span<float> values) {
  if (tensor.layout() != Layout::rows) return unpack_row(tensor, row, values.data());
  const int64_t stride =
      tensor.shape().rank() == 2 ? tensor.stride_bytes(0) : size_bytes(tensor.dtype(), {std::ssize(values)});
  dequantize(tensor.dtype(), tensor.as<std::byte>() + row * stride, values);
  if (const int32_t* const order = tensor.column_order()) {
    const std::vector<float> stored(values.begin(), values.end());
    for (size_t k = 0; k < stored.size(); ++k) values[static_cast<size_t>(order[k])] = stored[k];
  }
}

void write_row(std::span<const float> values, DType dtype, std::byte* target) {
  if (dtype == DType::f32) {
    std::memcpy(target, values.data(), values.size_bytes());
  } else if (dtype == DType::f16) {
    write_numbers<uint16_t>(values, target, f32_to_f16);
  } else {
    write_numbers<uint16_t>(values, target, f32_to_bf16);
  }
}

ByteSource plain_source(const Weights& weights, const Tensor& tensor, DType dtype) {
  const auto release = [&weights](std::byte* begin, int64_t n_bytes) {
    weights.release(Tensor(begin, DType::u8, {n_bytes}));
  };
  if (tensor.layout() == Layout::rows && tensor.dtype() == dtype) {
    return {.bytes = {tensor.as<std::byte>(), static_cast<size_t>(tensor.size_bytes())},
            .done = [release, tensor](int64_t begin, int64_t end) {
              release(tensor.as<std::byte>() + begin, end - begin);
            }};
  }
  const int64_t n_cols = tensor.shape().last(), row_bytes = size_bytes(dtype, {n_cols});
  ByteSource source{.n_units = n_cols == 0 ? 0 : tensor.n_elements() / n_cols, .unit_bytes = row_bytes};
  source.make = [tensor, dtype, row_bytes](int64_t begin, int64_t end, std::byte* target) {
    std::vector<float> values(static_cast<size_t>(tensor.shape().last()));
    for (int64_t row = begin; row < end; ++row, target += row_bytes) {
      read_row(tensor, row, values);
      write_row(values, dtype, target);
    }
  };
  // Rows of panels are in several places; the last of them lets go of all.
  source.done = [release, tensor, n = source.n_units](int64_t begin, int64_t end) {
    if (tensor.layout() != Layout::rows) {
      if (end == n) release(tensor.as<std::byte>(), tensor.size_bytes());
    } else {
      const int64_t row = tensor.size_bytes() / n;
      release(tensor.as<std::byte>() + begin * row, (end - begin) * row);
    }
  };
  return source;
}

}  // namespace tidemill
