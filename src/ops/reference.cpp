#include "ops/reference.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

#include "ops/recurrent_reference.h"
#include "tensor/dequantize.h"
#include "tensor/half.h"
#include "tensor/quantize.h"

namespace tidemill {
namespace {

// The keys or values of position `pos`, of any dtype, as f32.
std::vector<float> row_as_f32(const PagedRows& rows, int64_t pos) {
  std::vector<float> row(static_cast<size_t>(rows.width()));
  dequantize(rows.dtype(), rows.row<std::byte>(pos), row);
  return row;
}

// Row `index` of a [n_rows, n_cols] tensor of any dtype, as f32.
std::vector<float> row_as_f32(const Tensor& tensor, int64_t index) {
  assert(tensor.layout() == Layout::rows);
  std::vector<float> row(static_cast<size_t>(tensor.dim(1)));
  dequantize(tensor.dtype(), tensor.row<std::byte>(index), row);
  const int32_t* const order = tensor.column_order();
  if (order == nullptr) return row;
  std::vector<float> in_order(row.size());
  for (size_t k = 0; k < row.size(); ++k) in_order[static_cast<size_t>(order[k])] = row[k];
  return in_order;
}

double dot(const float* a, const float* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += double{a[i]} * b[i];
  return sum;
}

// What is too large for f16 is stored as the largest finite number: an infinity in the state would turn every later
// result into NaN.
void store_row(const float* row, const PagedRows& cache, int64_t pos) {
  if (cache.dtype() == DType::q8_0)
    return quantize_q8_0({row, static_cast<size_t>(cache.width())}, cache.row<std::byte>(pos));
  for (int64_t i = 0; i < cache.width(); ++i) {
    if (cache.dtype() == DType::f16) {
      cache.row<uint16_t>(pos)[i] = f32_to_f16(std::clamp(row[i], -65504.0f, 65504.0f));
    } else {
      cache.row<float>(pos)[i] = row[i];
    }
  }
}

// What `options` add to the score of a key `distance` positions after the query.
double bias_of(int64_t distance, int64_t head, const AttentionOptions& options) {
  if (options.distance_bias.empty()) return 0;
  const int64_t farthest = options.distance_bias.dim(0) / 2;
  return options.distance_bias.row<float>(farthest + std::clamp(distance, -farthest, farthest))[head];
}

// One head of one query at `pos`: out[head_dim] = softmax(scale * q . keys) * values over the visible positions.
void attend(const float* q, const std::vector<std::vector<float>>& keys, const std::vector<std::vector<float>>& values,
            int64_t pos, int64_t head, const AttentionOptions& options, float* out) {
  const int64_t kv_offset = head / (options.n_heads / options.n_kv_heads) * options.head_dim;
  const int64_t first = options.window == 0 ? 0 : std::max<int64_t>(0, pos - options.window + 1);
  int64_t end = pos + 1;
  if (options.both_ways) {
    end = std::ssize(keys);
    if (options.window != 0) end = std::min(end, pos + options.window);
  }
  std::vector<double> weights;
  for (int64_t i = first; i < end; ++i) {
    const double score =
        options.scale * dot(q, keys[i].data() + kv_offset, options.head_dim) + bias_of(i - pos, head, options);
    weights.push_back(options.soft_cap == 0 ? score : options.soft_cap * std::tanh(score / options.soft_cap));
  }
  const bool has_sink = !options.sinks.empty();
  const double sink = has_sink ? options.sinks.as<float>()[head] : -std::numeric_limits<double>::infinity();
  const double max = std::max(sink, *std::max_element(weights.begin(), weights.end()));
  double sum = has_sink ? std::exp(sink - max) : 0;
  for (double& weight : weights) sum += weight = std::exp(weight - max);
  for (int64_t d = 0; d < options.head_dim; ++d) {
    double total = 0;
    for (int64_t i = first; i < end; ++i) total += weights[i - first] * values[i][kv_offset + d];
    out[d] = static_cast<float>(total / sum);
  }
}

double activated(Activation activation, double x) {
  switch (activation) {
    case Activation::gelu_tanh:
      return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case Activation::gelu:
      return 0.5 * x * std::erfc(-x / std::numbers::sqrt2);
    case Activation::silu:
      return x / (1.0 + std::exp(-x));
    case Activation::relu:
      return x > 0 || std::isnan(x) ? x : 0;
    case Activation::relu_squared:
      return x > 0 || std::isnan(x) ? x * x : 0;
    case Activation::identity:
      return x;
    case Activation::sigmoid:
      return 1.0 / (1.0 + std::exp(-x));
    case Activation::tanh:
      return std::tanh(x);
    case Activation::softplus:
      return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
    case Activation::exp_neg_exp:
      return std::exp(-std::exp(x));
    case Activation::exp_neg_sigmoid:
      return std::exp(-std::exp(-0.5) / (1.0 + std::exp(-x)));
    case Activation::clamped_swiglu:
      break;  // no function of one number
  }
  throw Error(ErrorCode::internal, "reference: an activation without a function; please report this");
}

void compute(const op::Embed& o) {
  for (size_t i = 0; i < o.ids.size(); ++i) {
    const std::vector<float> row = row_as_f32(o.table, o.ids[i]);
    for (size_t d = 0; d < row.size(); ++d) o.out.row<float>(i)[d] = row[d] * o.scale;
  }
}

void compute(const op::GatherRows& o) {
  for (size_t i = 0; i < o.rows.size(); ++i) std::copy_n(o.x.row<float>(o.rows[i]), o.x.dim(1), o.out.row<float>(i));
}

// Calls `body(source, target, begin, width)` for every row along the last dimension, or for each of n_groups equal
// parts of it, which begins at element `begin` of the row.
template <typename Body>
void for_each_row(const Tensor& x, const Tensor& out, Body&& body, int64_t n_groups = 1) {
  const int64_t width = x.shape().last() / n_groups;
  const int64_t n_parts = width == 0 ? 0 : x.n_elements() / width;
  for (int64_t part = 0; part < n_parts; ++part) {
    body(x.as<float>() + part * width, out.as<float>() + part * width, part % n_groups * width, width);
  }
}

void compute(const op::RmsNorm& o) {
  const auto normalise = [&](const float* x, float* out, int64_t begin, int64_t width) {
    const double scale = 1.0 / std::sqrt(dot(x, x, width) / static_cast<double>(width) + o.eps);
    for (int64_t i = 0; i < width; ++i) out[i] = static_cast<float>(x[i] * scale * o.weight.as<float>()[begin + i]);
  };
  for_each_row(o.x, o.out, normalise, o.n_groups);
}

void compute(const op::LayerNorm& o) {
  const auto normalise = [&](const float* x, float* out, int64_t begin, int64_t width) {
    const double mean = std::accumulate(x, x + width, 0.0) / static_cast<double>(width);
    double squares = 0;
    for (int64_t i = 0; i < width; ++i) squares += (x[i] - mean) * (x[i] - mean);
    const double scale = 1.0 / std::sqrt(squares / static_cast<double>(width) + o.eps);
    for (int64_t i = 0; i < width; ++i) {
      const double bias = o.bias.empty() ? 0 : o.bias.as<float>()[begin + i];
      out[i] = static_cast<float>((x[i] - mean) * scale * o.weight.as<float>()[begin + i] + bias);
    }
  };
  for_each_row(o.x, o.out, normalise, o.n_groups);
}

void compute(const op::L2Norm& o) {
  const auto normalise = [&](const float* x, float* out, int64_t begin, int64_t width) {
    const auto weighted = [&](int64_t i) {
      return o.weight.empty() ? double{x[i]} : double{x[i]} * o.weight.as<float>()[begin + i];
    };
    double squares = 0;
    for (int64_t i = 0; i < width; ++i) squares += weighted(i) * weighted(i);
    for (int64_t i = 0; i < width; ++i) out[i] = static_cast<float>(weighted(i) / std::sqrt(squares + o.eps));
  };
  for_each_row(o.x, o.out, normalise, o.n_groups);
}

void compute(const op::Matmul& o) {
  for (size_t j = 0; j < o.weights.size(); ++j) {
    const Tensor& x = o.x(j);
    for (int64_t n = 0; n < o.weights[j].dim(0); ++n) {
      const std::vector<float> weight_row = row_as_f32(o.weights[j], n);
      for (int64_t row = 0; row < x.dim(0); ++row) {
        o.outs[j].row<float>(row)[n] = static_cast<float>(dot(x.row<float>(row), weight_row.data(), x.dim(1)));
      }
    }
  }
}

void compute(const op::Project& o) {
  compute(op::Matmul{{&o.x, 1}, o.weights, o.outs});
  for (size_t j = 0; j < o.outs.size(); ++j) {
    const Tensor& out = o.outs[j];
    for (int64_t i = 0; i < out.n_elements(); ++i) {
      const double bias = o.biases[j].empty() ? 0 : o.biases[j].as<float>()[i % out.dim(1)];
      out.as<float>()[i] = static_cast<float>(activated(o.activation, out.as<float>()[i] + bias));
    }
  }
}

// What is out of reach becomes -infinity, so that nobody may count on more.
void compute(const op::Scores& o) {
  compute(op::Matmul{{&o.x, 1}, {&o.weight, 1}, {&o.out, 1}});
  const std::span<float> scores(o.out.as<float>(), static_cast<size_t>(o.out.dim(1)));
  const float least = least_in_reach(scores, o.reach);
  for (float& score : scores)
    if (score < least) score = -std::numeric_limits<float>::infinity();
}

void compute(const op::Add& o) {
  for (int64_t i = 0; i < o.a.n_elements(); ++i) o.out.as<float>()[i] = o.a.as<float>()[i] + o.b.as<float>()[i];
}

void compute(const op::AddRow& o) {
  for_each_row(o.x, o.out, [&](const float* x, float* out, int64_t, int64_t width) {
    for (int64_t i = 0; i < width; ++i) out[i] = x[i] + o.row.as<float>()[i];
  });
}

void compute(const op::Activate& o) {
  for (int64_t i = 0; i < o.x.n_elements(); ++i) {
    o.out.as<float>()[i] = static_cast<float>(activated(o.activation, o.x.as<float>()[i]));
  }
}

void compute(const op::Gate& o) {
  for (int64_t i = 0; i < o.gate.n_elements(); ++i) {
    double gate = o.gate.as<float>()[i], up = o.up.as<float>()[i];
    if (o.activation == Activation::clamped_swiglu) {
      gate = std::min(gate, 7.0);
      up = std::clamp(up, -7.0, 7.0) + 1;
      gate = gate / (1.0 + std::exp(-1.702 * gate));
    } else {
      gate = activated(o.activation, gate);
    }
    o.out.as<float>()[i] = static_cast<float>(gate * up);
  }
}

void compute(const op::Scale& o) {
  for (int64_t i = 0; i < o.x.n_elements(); ++i) o.out.as<float>()[i] = o.x.as<float>()[i] * o.factor;
}

void compute(const op::SoftCap& o) {
  for (int64_t i = 0; i < o.x.n_elements(); ++i) {
    o.out.as<float>()[i] = static_cast<float>(o.cap * std::tanh(double{o.x.as<float>()[i]} / o.cap));
  }
}

void compute(const op::RopeTable& o) {
  const int64_t n_freqs = o.inv_freq.dim(0);
  for (size_t row = 0; row < o.positions.size(); ++row) {
    for (int64_t j = 0; j < n_freqs; ++j) {
      // The angle is a float32 product because the models were trained with one.
      const float angle = static_cast<float>(o.positions[row]) * o.by_length.frequency(o.inv_freq, row, j);
      o.out.row<float>(row)[j] = static_cast<float>(std::cos(double{angle}) * o.scale);
      o.out.row<float>(row)[n_freqs + j] = static_cast<float>(std::sin(double{angle}) * o.scale);
    }
  }
}

void compute(const op::Rope& o) {
  const int64_t n_heads = o.x.dim(1), head_dim = o.x.dim(2), n_freqs = o.table.dim(1) / 2;
  std::copy_n(o.x.as<float>(), o.out.as<float>() == o.x.as<float>() ? 0 : o.x.n_elements(), o.out.as<float>());
  for (int64_t row = 0; row < o.x.dim(0); ++row) {
    const float* cosine = o.table.row<float>(row);
    const float* sine = cosine + n_freqs;
    for (int64_t head = 0; head < n_heads; ++head) {
      float* const target = o.out.as<float>() + (row * n_heads + head) * head_dim;
      for (int64_t j = 0; j < n_freqs; ++j) {
        const int64_t first = o.pairs == RopePairs::halves ? j : 2 * j;
        const int64_t second = o.pairs == RopePairs::halves ? j + n_freqs : 2 * j + 1;
        const double a = target[first], b = target[second];
        target[first] = static_cast<float>(a * cosine[j] - b * sine[j]);
        target[second] = static_cast<float>(b * cosine[j] + a * sine[j]);
      }
    }
  }
}

void compute(const op::Attention& o) {
  for (const StateRun& run : o.runs) {
    const bool has_caches = !run.keys.empty();
    for (int64_t i = 0; has_caches && i < run.n_rows; ++i) {
      store_row(o.k.row<float>(run.first_row + i), run.keys, run.first_pos + i);
      store_row(o.v.row<float>(run.first_row + i), run.values, run.first_pos + i);
    }
    std::vector<std::vector<float>> keys, values;
    for (int64_t pos = 0; pos < run.first_pos + run.n_rows; ++pos) {
      keys.push_back(has_caches ? row_as_f32(run.keys, pos) : row_as_f32(o.k, run.first_row + pos));
      values.push_back(has_caches ? row_as_f32(run.values, pos) : row_as_f32(o.v, run.first_row + pos));
    }
    for (int64_t i = 0; i < run.n_rows; ++i) {
      for (int64_t head = 0; head < o.options.n_heads; ++head) {
        const int64_t at = head * o.options.head_dim;
        attend(o.q.row<float>(run.first_row + i) + at, keys, values, run.first_pos + i, head, o.options,
               o.out.row<float>(run.first_row + i) + at);
      }
    }
  }
}

void compute(const op::ChooseExperts& o) {
  const int64_t n_experts = o.logits.dim(1), n_chosen = o.ids.dim(1);
  for (int64_t row = 0; row < o.logits.dim(0); ++row) {
    const float* const logits = o.logits.row<float>(row);
    std::vector<int32_t> order(static_cast<size_t>(n_experts));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
    double total = 0;
    const int64_t n_counted = o.kind == RouterWeights::softmax_of_all ? n_experts : n_chosen;
    for (int64_t j = 0; j < n_counted; ++j) total += std::exp(double{logits[order[j]]} - logits[order[0]]);
    for (int64_t j = 0; j < n_chosen; ++j) {
      o.ids.row<int32_t>(row)[j] = order[j];
      o.weights.row<float>(row)[j] = static_cast<float>(std::exp(double{logits[order[j]]} - logits[order[0]]) / total);
    }
  }
}

void compute(const op::ExpertMatmul& o) {
  const int64_t n_chosen = o.ids.dim(1), n_products = o.ids.dim(0) * n_chosen;
  for (int64_t i = 0; i < n_products; ++i) {
    const Tensor& expert = o.experts[static_cast<size_t>(o.ids.as<int32_t>()[i])];
    const float* const x = o.x.row<float>(o.x.dim(0) == n_products ? i : i / n_chosen);
    for (int64_t n = 0; n < expert.dim(0); ++n) {
      const double bias = o.biases.empty() ? 0 : o.biases[static_cast<size_t>(o.ids.as<int32_t>()[i])].as<float>()[n];
      o.out.row<float>(i)[n] = static_cast<float>(dot(x, row_as_f32(expert, n).data(), o.x.dim(1)) + bias);
    }
  }
}

void compute(const op::MixExperts& o) {
  const int64_t n_chosen = o.weights.dim(1);
  for (int64_t row = 0; row < o.out.dim(0); ++row) {
    for (int64_t d = 0; d < o.out.dim(1); ++d) {
      double sum = 0;
      for (int64_t j = 0; j < n_chosen; ++j) {
        sum += double{o.weights.row<float>(row)[j]} * o.x.row<float>(row * n_chosen + j)[d];
      }
      o.out.row<float>(row)[d] = static_cast<float>(sum);
    }
  }
}

}  // namespace

void ReferenceKernels::run(const Operation& operation) {
  std::visit(
      [](const auto& one) {
        if constexpr (requires { compute(one); }) {
          compute(one);
        } else {
          compute_recurrent(one);
        }
      },
      operation);
}

}  // namespace tidemill
