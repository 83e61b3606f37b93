#include "ops/checker.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include "tensor/dequantize.h"

namespace tidemill {

namespace {

// Memory for a contiguous f32 tensor shaped like another one.
struct Twin {
  explicit Twin(const Tensor& like)
      : values(static_cast<size_t>(like.n_elements())), tensor(values.data(), DType::f32, like.shape()) {}
  std::vector<float> values;
  Tensor tensor;
};

std::string text(float value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.9g", value);
  return buffer;
}

// Throws unless `found` is `expected` within `tolerance` times the root mean square of each expected row.
void compare(std::string_view op, const float* found, const std::vector<float>& expected, int64_t width,
             double tolerance) {
  const int64_t n = static_cast<int64_t>(expected.size());
  for (int64_t begin = 0; begin < n; begin += width) {
    double squares = 0;
    for (int64_t i = begin; i < begin + width; ++i) squares += double{expected[i]} * expected[i];
    const double limit = tolerance * std::sqrt(squares / static_cast<double>(width)) + 1e-30;
    for (int64_t i = begin; i < begin + width; ++i) {
      const bool both_nan = std::isnan(found[i]) && std::isnan(expected[i]);
      if (both_nan || found[i] == expected[i] || std::fabs(double{found[i]} - expected[i]) <= limit) continue;
      throw Error(ErrorCode::internal, std::string(op) + ": row " + std::to_string(begin / width) + ", column " +
                                           std::to_string(i - begin) + ": the kernel gives " + text(found[i]) +
                                           ", the reference " + text(expected[i]) + "; please report this");
    }
  }
}

// The rows that `run` appended to one of its caches.
std::span<std::byte> appended(const KvRun& run, const Tensor& cache) {
  return {cache.row<std::byte>(run.first_pos), static_cast<size_t>(run.n_rows * cache.stride_bytes(0))};
}

std::vector<float> as_f32(const Tensor& cache, std::span<const std::byte> rows) {
  std::vector<float> values(rows.size() * 8 / static_cast<size_t>(bits_per_element(cache.dtype())));
  dequantize(cache.dtype(), rows.data(), values);
  return values;
}

}  // namespace

Tensor CheckedKernels::original_of(const Tensor& weight) const {
  const auto found = originals_.find(weight.data());
  return found == originals_.end() ? weight : found->second;
}

template <typename Compute>
void CheckedKernels::run(std::string_view op, double tolerance, const Tensor& out, Compute&& compute) {
  Twin expected(out);
  compute(static_cast<Kernels&>(reference_), expected.tensor);
  compute(inner_, out);
  compare(op, out.as<float>(), expected.values, out.shape().last(), tolerance);
}

void CheckedKernels::embed(const Tensor& table, std::span<const int32_t> ids, float scale, Tensor out) {
  run("embed", tolerance_.other, out, [&](Kernels& kernels, const Tensor& target) {
    kernels.embed(&kernels == &inner_ ? table : original_of(table), ids, scale, target);
  });
}

void CheckedKernels::gather_rows(const Tensor& x, std::span<const int32_t> rows, Tensor out) {
  run("gather_rows", 0, out, [&](Kernels& kernels, const Tensor& target) { kernels.gather_rows(x, rows, target); });
}

void CheckedKernels::rms_norm(const Tensor& x, const Tensor& weight, float eps, Tensor out) {
  run("rms_norm", tolerance_.other, out,
      [&](Kernels& kernels, const Tensor& target) { kernels.rms_norm(x, weight, eps, target); });
}

void CheckedKernels::matmul(const Tensor& x, std::span<const Tensor> weights, std::span<const Tensor> outs) {
  std::vector<Twin> expected;
  for (size_t j = 0; j < weights.size(); ++j) {
    const Tensor original = original_of(weights[j]);
    expected.emplace_back(outs[j]);
    reference_.matmul(x, {&original, 1}, {&expected[j].tensor, 1});
  }
  inner_.matmul(x, weights, outs);
  for (size_t j = 0; j < outs.size(); ++j) {
    compare("matmul", outs[j].as<float>(), expected[j].values, outs[j].shape().last(), tolerance_.matmul);
  }
}

void CheckedKernels::add(const Tensor& a, const Tensor& b, Tensor out) {
  run("add", tolerance_.other, out, [&](Kernels& kernels, const Tensor& target) { kernels.add(a, b, target); });
}

void CheckedKernels::gelu_mul(const Tensor& gate, const Tensor& up, Tensor out) {
  run("gelu_mul", tolerance_.other, out,
      [&](Kernels& kernels, const Tensor& target) { kernels.gelu_mul(gate, up, target); });
}

void CheckedKernels::rope_table(std::span<const int32_t> positions, const Tensor& inv_freq, Tensor out) {
  run("rope_table", tolerance_.other, out,
      [&](Kernels& kernels, const Tensor& target) { kernels.rope_table(positions, inv_freq, target); });
}

void CheckedKernels::rope(const Tensor& x, const Tensor& table, Tensor out) {
  run("rope", tolerance_.other, out, [&](Kernels& kernels, const Tensor& target) { kernels.rope(x, table, target); });
}

void CheckedKernels::attention(const Tensor& q, const Tensor& k, const Tensor& v, std::span<const KvRun> runs,
                               const AttentionOptions& options, Tensor out) {
  Twin expected(out);
  reference_.attention(q, k, v, runs, options, expected.tensor);
  // What the reference appended is set aside and overwritten with NaN, so that the inner kernels must append too.
  std::vector<std::vector<float>> expected_rows;
  for (const KvRun& run : runs) {
    for (const Tensor& cache : {run.keys, run.values}) {
      const std::span<std::byte> rows = appended(run, cache);
      expected_rows.push_back(as_f32(cache, rows));
      std::memset(rows.data(), 0xff, rows.size());
    }
  }
  inner_.attention(q, k, v, runs, options, out);
  size_t next = 0;
  for (const KvRun& run : runs) {
    for (const Tensor& cache : {run.keys, run.values}) {
      const std::vector<float> found = as_f32(cache, appended(run, cache));
      compare("attention, appended rows", found.data(), expected_rows[next++], cache.dim(1), tolerance_.other);
    }
  }
  compare("attention", out.as<float>(), expected.values, out.shape().last(), tolerance_.other);
}

}  // namespace tidemill
