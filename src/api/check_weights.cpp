#include "api/check_weights.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "api/model_file.h"
#include "tensor/dequantize.h"
#include "tensor/unpack_row.h"
#include "tidemill/model_info.h"
#include "tidemill/model_store.h"

namespace tidemill {
namespace {

constexpr int64_t kElementsAtOnce = 1 << 16;  // what is widened stays in second-level cache

bool can_be_nan(DType dtype) {
  return info(dtype).is_float || info(dtype).is_quantized();  // scales of blocks are floats
}

void check_values(const Weights& weights, const std::string& name, std::span<const float> values, int64_t begin,
                  int64_t n_cols) {
  const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (bad == values.end()) return;
  const int64_t at = begin + (bad - values.begin());
  throw Error(ErrorCode::bad_file, weights.path() + ": tensor '" + name + "' holds " +
                                       (std::isnan(*bad) ? "NaN" : "an infinity") + " in row " +
                                       std::to_string(at / n_cols) + ", column " + std::to_string(at % n_cols) +
                                       "; the file is damaged, or training it went wrong");
}

void check_rows(const Weights& weights, const std::string& name, const Tensor& tensor) {
  const int64_t n_cols = std::max<int64_t>(1, tensor.shape().last());
  const int64_t block = info(tensor.dtype()).block_length;
  const int64_t n = tensor.n_elements(), step = std::max<int64_t>(1, kElementsAtOnce / block) * block;
  std::vector<float> values;
  for (int64_t begin = 0; begin < n; begin += step) {
    values.resize(static_cast<size_t>(std::min(step, n - begin)));
    dequantize(tensor.dtype(), tensor.as<std::byte>() + begin / block * info(tensor.dtype()).block_bytes, values);
    check_values(weights, name, values, begin, n_cols);
  }
}

void check_panels(const Weights& weights, const std::string& name, const Tensor& panels) {
  std::vector<float> values(static_cast<size_t>(panels.dim(1)));
  for (int64_t row = 0; row < panels.dim(0); ++row) {
    unpack_row(panels, row, values.data());
    check_values(weights, name, values, row * panels.dim(1), panels.dim(1));
  }
}

void check_tensor(const Weights& weights, const std::string& name, const Tensor& tensor) {
  tensor.layout() == Layout::rows ? check_rows(weights, name, tensor) : check_panels(weights, name, tensor);
}

}  // namespace

void check_weights(const Weights& weights) {
  for (const std::string& name : weights.names()) {
    const Tensor tensor = *weights.find(name);
    if (can_be_nan(tensor.dtype())) check_tensor(weights, name, tensor);
    weights.release(tensor);
  }
}

void check_model(const std::string& model) {
  check_weights(open_model_file(resolve_model(model))->weights());
}

}  // namespace tidemill
