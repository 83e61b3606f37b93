#include "ops/reference.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <vector>

#include "tensor/dequantize.h"
#include "tensor/half.h"

namespace tidemill {

namespace {

// Row `index` of a [n_rows, n_cols] tensor of any dtype, as f32.
std::vector<float> row_as_f32(const Tensor& tensor, int64_t index) {
  assert(tensor.layout() == Layout::rows);
  std::vector<float> row(static_cast<size_t>(tensor.dim(1)));
  dequantize(tensor.dtype(), tensor.row<std::byte>(index), row);
  return row;
}

double dot(const float* a, const float* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += double{a[i]} * b[i];
  return sum;
}

// What is too large for f16 is stored as the largest finite number: an infinity in the state would turn every later
// result into NaN.
void store_row(const float* row, Tensor cache, int64_t pos) {
  for (int64_t i = 0; i < cache.dim(1); ++i) {
    if (cache.dtype() == DType::f16) {
      cache.row<uint16_t>(pos)[i] = f32_to_f16(std::clamp(row[i], -65504.0f, 65504.0f));
    } else {
      cache.row<float>(pos)[i] = row[i];
    }
  }
}

// One head of one query at `pos`: out[head_dim] = softmax(scale * q . keys) * values over the visible positions.
void attend(const float* q, const std::vector<std::vector<float>>& keys, const std::vector<std::vector<float>>& values,
            int64_t pos, int64_t kv_offset, const AttentionOptions& options, float* out) {
  const int64_t first = options.window == 0 ? 0 : std::max<int64_t>(0, pos - options.window + 1);
  std::vector<double> weights;
  for (int64_t i = first; i <= pos; ++i) {
    weights.push_back(options.scale * dot(q, keys[i].data() + kv_offset, options.head_dim));
  }
  const double max = *std::max_element(weights.begin(), weights.end());
  double sum = 0;
  for (double& weight : weights) sum += weight = std::exp(weight - max);
  for (int64_t d = 0; d < options.head_dim; ++d) {
    double total = 0;
    for (int64_t i = first; i <= pos; ++i) total += weights[i - first] * values[i][kv_offset + d];
    out[d] = static_cast<float>(total / sum);
  }
}

}  // namespace

void ReferenceKernels::embed(const Tensor& table, std::span<const int32_t> ids, float scale, Tensor out) {
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::vector<float> row = row_as_f32(table, ids[i]);
    for (size_t d = 0; d < row.size(); ++d) out.row<float>(i)[d] = row[d] * scale;
  }
}

void ReferenceKernels::gather_rows(const Tensor& x, std::span<const int32_t> rows, Tensor out) {
  for (size_t i = 0; i < rows.size(); ++i) std::copy_n(x.row<float>(rows[i]), x.dim(1), out.row<float>(i));
}

void ReferenceKernels::rms_norm(const Tensor& x, const Tensor& weight, float eps, Tensor out) {
  const int64_t width = x.shape().last();
  const int64_t n_rows = width == 0 ? 0 : x.n_elements() / width;
  for (int64_t row = 0; row < n_rows; ++row) {
    const float* source = x.as<float>() + row * width;
    const double scale = 1.0 / std::sqrt(dot(source, source, width) / static_cast<double>(width) + eps);
    for (int64_t i = 0; i < width; ++i) {
      out.as<float>()[row * width + i] = static_cast<float>(source[i] * scale * weight.as<float>()[i]);
    }
  }
}

void ReferenceKernels::matmul(const Tensor& x, std::span<const Tensor> weights, std::span<const Tensor> outs) {
  for (size_t j = 0; j < weights.size(); ++j) {
    for (int64_t n = 0; n < weights[j].dim(0); ++n) {
      const std::vector<float> weight_row = row_as_f32(weights[j], n);
      for (int64_t row = 0; row < x.dim(0); ++row) {
        outs[j].row<float>(row)[n] = static_cast<float>(dot(x.row<float>(row), weight_row.data(), x.dim(1)));
      }
    }
  }
}

void ReferenceKernels::add(const Tensor& a, const Tensor& b, Tensor out) {
  for (int64_t i = 0; i < a.n_elements(); ++i) out.as<float>()[i] = a.as<float>()[i] + b.as<float>()[i];
}

void ReferenceKernels::gelu_mul(const Tensor& gate, const Tensor& up, Tensor out) {
  const double root = std::sqrt(2.0 / std::numbers::pi);
  for (int64_t i = 0; i < gate.n_elements(); ++i) {
    const double g = gate.as<float>()[i];
    const double gelu = 0.5 * g * (1.0 + std::tanh(root * (g + 0.044715 * g * g * g)));
    out.as<float>()[i] = static_cast<float>(gelu * up.as<float>()[i]);
  }
}

void ReferenceKernels::rope_table(std::span<const int32_t> positions, const Tensor& inv_freq, Tensor out) {
  const int64_t n_freqs = inv_freq.dim(0);
  for (size_t row = 0; row < positions.size(); ++row) {
    for (int64_t j = 0; j < n_freqs; ++j) {
      // The angle is a float32 product because the models were trained with one.
      const float angle = static_cast<float>(positions[row]) * inv_freq.as<float>()[j];
      out.row<float>(row)[j] = static_cast<float>(std::cos(double{angle}));
      out.row<float>(row)[n_freqs + j] = static_cast<float>(std::sin(double{angle}));
    }
  }
}

void ReferenceKernels::rope(const Tensor& x, const Tensor& table, Tensor out) {
  const int64_t n_heads = x.dim(1), half = x.dim(2) / 2;
  for (int64_t row = 0; row < x.dim(0); ++row) {
    const float* cosine = table.row<float>(row);
    const float* sine = cosine + half;
    for (int64_t head = 0; head < n_heads; ++head) {
      const int64_t at = (row * n_heads + head) * 2 * half;
      for (int64_t j = 0; j < half; ++j) {
        const double a = x.as<float>()[at + j], b = x.as<float>()[at + j + half];
        out.as<float>()[at + j] = static_cast<float>(a * cosine[j] - b * sine[j]);
        out.as<float>()[at + j + half] = static_cast<float>(b * cosine[j] + a * sine[j]);
      }
    }
  }
}

void ReferenceKernels::attention(const Tensor& q, const Tensor& k, const Tensor& v, std::span<const KvRun> runs,
                                 const AttentionOptions& options, Tensor out) {
  const int64_t heads_per_kv = options.n_heads / options.n_kv_heads;
  for (const KvRun& run : runs) {
    for (int64_t i = 0; i < run.n_rows; ++i) {
      store_row(k.row<float>(run.first_row + i), run.keys, run.first_pos + i);
      store_row(v.row<float>(run.first_row + i), run.values, run.first_pos + i);
    }
    std::vector<std::vector<float>> keys, values;
    for (int64_t pos = 0; pos < run.first_pos + run.n_rows; ++pos) {
      keys.push_back(row_as_f32(run.keys, pos));
      values.push_back(row_as_f32(run.values, pos));
    }
    for (int64_t i = 0; i < run.n_rows; ++i) {
      for (int64_t head = 0; head < options.n_heads; ++head) {
        const int64_t at = head * options.head_dim, kv_at = head / heads_per_kv * options.head_dim;
        attend(q.row<float>(run.first_row + i) + at, keys, values, run.first_pos + i, kv_at, options,
               out.row<float>(run.first_row + i) + at);
      }
    }
  }
}

}  // namespace tidemill
