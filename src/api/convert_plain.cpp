#include "api/convert_plain.h"

#include <vector>

#include "api/plain_rows.h"
#include "api/tensor_stream.h"
#include "tidemill/error.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

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

}  // namespace

std::vector<StreamedTensor> plain_tensors(const ModelFile& file, const ConvertOptions& options) {
  const Weights& weights = file.weights();
  std::vector<StreamedTensor> tensors;
  for (const std::string& name : weights.names()) {
    const Tensor tensor = *weights.find(name);
    const DType dtype = target_of(weights.path(), name, tensor, options.dtype);
    tensors.push_back({safetensor_spec(name, dtype, tensor.shape()), plain_source(weights, tensor, dtype)});
  }
  return tensors;
}

ConvertReport write_plain(const ModelFile& file, const std::string& out, const ConvertOptions& options) {
  const std::vector<StreamedTensor> tensors = plain_tensors(file, options);
  ThreadPool pool(options.threads > 0 ? options.threads : cpu_info().n_cores);
  return {.format = "safetensors",
          .n_tensors = std::ssize(tensors),
          .n_bytes = write_tensors(out, tensors, {{"format", "pt"}}, pool, options.on_progress)};
}

}  // namespace tidemill
