// Some rows at a time: a row is widened to f32, which is exact for every format, and rounded to what is asked for.
#include "api/convert_plain.h"

#include <algorithm>
#include <vector>

#include "api/tensor_stream.h"
#include "tensor/dequantize.h"
#include "tensor/half.h"
#include "tensor/panels.h"
#include "tensor/unpack_row.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int64_t kElementsAtOnce = 1 << 20;

// The dtype that the tensor will have.
DType target_of(const std::string& path, const std::string& name, const Tensor& tensor, std::optional<DType> wanted) {
  const DType dtype = tensor.dtype();
  const bool is_matrix = tensor.shape().rank() > 1;
  const bool is_real = info(dtype).is_float || info(dtype).is_quantized();
  if (wanted && is_matrix && is_real) return *wanted;
  if (safetensors_type(dtype) != nullptr) return dtype;
  if (wanted) return DType::f32;
  throw Error(ErrorCode::invalid_argument, path + ": tensor '" + name + "' is " + std::string(info(dtype).name) +
                                               ", which safetensors does not have; add --dtype f16, bf16 or f32");
}

void append(float value, DType dtype, std::vector<std::byte>& bytes) {
  const auto put = [&](const auto& number) {
    const auto raw = std::as_bytes(std::span(&number, 1));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  };
  if (dtype == DType::f32) return put(value);
  put(dtype == DType::f16 ? f32_to_f16(value) : f32_to_bf16(value));
}

// Row `row` of the tensor seen as rows of its last dimension.
void read_row(const Tensor& tensor, int64_t row, std::span<float> values) {
  if (tensor.layout() == Layout::panels) return unpack_row(tensor, row, values.data());
  const int64_t row_bytes = size_bytes(tensor.dtype(), {std::ssize(values)});
  dequantize(tensor.dtype(), tensor.as<std::byte>() + row * row_bytes, values);
}

// As plain rows of `dtype`.
void write_rows(const Weights& weights, const Tensor& tensor, DType dtype, const ByteSink& sink) {
  if (tensor.layout() == Layout::rows && tensor.dtype() == dtype) {
    write_pieces({tensor.as<std::byte>(), static_cast<size_t>(tensor.size_bytes())}, sink);
    return weights.release(tensor);
  }
  const int64_t n_cols = tensor.shape().last();
  const int64_t n_rows = n_cols == 0 ? 0 : tensor.n_elements() / n_cols;
  std::vector<float> values(static_cast<size_t>(n_cols));
  std::vector<std::byte> bytes;
  for (int64_t row = 0; row < n_rows; ++row) {
    read_row(tensor, row, values);
    for (const float value : values) append(value, dtype, bytes);
    const bool is_piece = std::ssize(bytes) >= kElementsAtOnce || row + 1 == n_rows;
    if (!is_piece) continue;
    sink(bytes);
    bytes.clear();
  }
  weights.release(tensor);
}

}  // namespace

ConvertReport write_plain(const ModelFile& file, const std::string& out, const ConvertOptions& options) {
  const Weights& weights = file.weights();
  std::vector<StreamedTensor> tensors;
  for (const std::string& name : weights.names()) {
    const Tensor tensor = *weights.find(name);
    const DType dtype = target_of(weights.path(), name, tensor, options.dtype);
    SafetensorSpec spec{name, safetensors_type(dtype), {}};
    for (const int64_t dim : tensor.shape().dims()) spec.dims.push_back(static_cast<uint64_t>(dim));
    tensors.push_back({std::move(spec),
                       [&weights, tensor, dtype](const ByteSink& sink) { write_rows(weights, tensor, dtype, sink); }});
  }
  return {.format = "safetensors",
          .n_tensors = std::ssize(tensors),
          .n_bytes = write_tensors(out, tensors, {{"format", "pt"}}, options.on_progress)};
}

}  // namespace tidemill
