#include "ops/checker.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

// Keys and values, of a run that keeps them.
std::vector<PagedRows> caches_of(const StateRun& run) {
  return run.keys.empty() ? std::vector<PagedRows>() : std::vector<PagedRows>{run.keys, run.values};
}

// The rows that `run` appended to one of its caches.
std::vector<float> appended(const StateRun& run, const PagedRows& cache) {
  const auto width = static_cast<size_t>(cache.width());
  std::vector<float> values(static_cast<size_t>(run.n_rows) * width);
  for (int64_t row = 0; row < run.n_rows; ++row) {
    const auto target = std::span(values).subspan(static_cast<size_t>(row) * width, width);
    dequantize(cache.dtype(), cache.row<std::byte>(run.first_pos + row), target);
  }
  return values;
}

void overwrite_appended(const StateRun& run, const PagedRows& cache) {
  for (int64_t row = 0; row < run.n_rows; ++row)
    std::memset(cache.row<std::byte>(run.first_pos + row), 0xff, static_cast<size_t>(cache.row_bytes()));
}

}  // namespace

Tensor CheckedKernels::original_of(const Tensor& weight) const {
  const auto found = originals_.find(weight.data());
  return found == originals_.end() ? weight : found->second;
}

template <typename Op>
void CheckedKernels::check(const Op& operation, Op by_reference, double tolerance) {
  Twin expected(operation.out);
  by_reference.out = expected.tensor;
  reference_.run(by_reference);
  inner_.run(operation);
  compare(Op::kName, operation.out.template as<float>(), expected.values, operation.out.shape().last(), tolerance);
}

template <typename Op>
void CheckedKernels::check(const Op& operation) {
  check(operation, operation, tolerance_.other);
}

void CheckedKernels::check(const op::Embed& operation) {
  op::Embed by_reference = operation;
  by_reference.table = original_of(operation.table);
  check(operation, by_reference, tolerance_.other);
}

void CheckedKernels::check(const op::Matmul& operation) {
  std::vector<Twin> expected;
  for (size_t j = 0; j < operation.weights.size(); ++j) {
    const Tensor original = original_of(operation.weights[j]);
    expected.emplace_back(operation.outs[j]);
    reference_.run(op::Matmul{{&operation.x(j), 1}, {&original, 1}, {&expected[j].tensor, 1}});
  }
  inner_.run(operation);
  for (size_t j = 0; j < operation.outs.size(); ++j) {
    const Tensor& out = operation.outs[j];
    compare(op::Matmul::kName, out.as<float>(), expected[j].values, out.shape().last(), tolerance_.matmul);
  }
}

void CheckedKernels::check(const op::Project& operation) {
  std::vector<Twin> expected;
  for (size_t j = 0; j < operation.weights.size(); ++j) {
    const Tensor original = original_of(operation.weights[j]);
    expected.emplace_back(operation.outs[j]);
    reference_.run(op::Project{
        operation.x, {&original, 1}, {&operation.biases[j], 1}, operation.activation, {&expected[j].tensor, 1}});
  }
  inner_.run(operation);
  for (size_t j = 0; j < operation.outs.size(); ++j) {
    const Tensor& out = operation.outs[j];
    compare(op::Project::kName, out.as<float>(), expected[j].values, out.shape().last(), tolerance_.matmul);
  }
}

void CheckedKernels::check(const op::Scores& operation) {
  const Tensor original = original_of(operation.weight);
  const Twin expected(operation.out);
  reference_.run(op::Matmul{{&operation.x, 1}, {&original, 1}, {&expected.tensor, 1}});
  inner_.run(operation);
  const std::span<const float> scores(operation.out.as<float>(), expected.values.size());
  std::vector<float> found(scores.begin(), scores.end());
  double squares = 0;
  for (const float value : expected.values) squares += double{value} * value;
  const double near = tolerance_.matmul * std::sqrt(squares / static_cast<double>(found.size()));
  const double least = least_in_reach(expected.values, operation.reach) + near;
  for (size_t i = 0; i < found.size(); ++i)
    if (found[i] == -HUGE_VALF && expected.values[i] < least) found[i] = expected.values[i];
  compare(op::Scores::kName, found.data(), expected.values, operation.out.dim(1), tolerance_.matmul);
}

void CheckedKernels::check(const op::ExpertMatmul& operation) {
  std::vector<Tensor> originals;
  for (const Tensor& expert : operation.experts) originals.push_back(original_of(expert));
  op::ExpertMatmul by_reference = operation;
  by_reference.experts = originals;
  check(operation, by_reference, tolerance_.matmul);
}

void CheckedKernels::check(const op::ChooseExperts& operation) {
  const Twin weights(operation.weights);
  std::vector<int32_t> ids(weights.values.size());
  reference_.run(op::ChooseExperts{
      operation.logits, operation.kind, {ids.data(), DType::i32, operation.ids.shape()}, weights.tensor});
  inner_.run(operation);
  compare(op::ChooseExperts::kName, operation.weights.as<float>(), weights.values, operation.weights.dim(1),
          tolerance_.other);
  if (std::equal(ids.begin(), ids.end(), operation.ids.as<int32_t>())) return;
  throw Error(ErrorCode::internal,
              "choose_experts: the kernel chose other experts than the reference; please report this");
}

void CheckedKernels::check(const op::Attention& operation) {
  Twin expected(operation.out);
  op::Attention by_reference = operation;
  by_reference.out = expected.tensor;
  reference_.run(by_reference);
  // What the reference appended is set aside and overwritten with NaN, so that the inner kernels must append too.
  std::vector<std::vector<float>> expected_rows;
  for (const StateRun& run : operation.runs) {
    for (const PagedRows& cache : caches_of(run)) {
      expected_rows.push_back(appended(run, cache));
      overwrite_appended(run, cache);
    }
  }
  inner_.run(operation);
  size_t next = 0;
  for (const StateRun& run : operation.runs) {
    for (const PagedRows& cache : caches_of(run)) {
      const std::vector<float> found = appended(run, cache);
      compare("attention, appended rows", found.data(), expected_rows[next++], cache.width(), tolerance_.other);
    }
  }
  compare(op::Attention::kName, operation.out.as<float>(), expected.values, operation.out.shape().last(),
          tolerance_.other);
}

void CheckedKernels::check(const op::Lerp& operation) {
  for (size_t j = 0; j < operation.outs.size(); ++j) {
    Twin expected(operation.outs[j]);
    reference_.run(op::Lerp{operation.x, operation.y, operation.shares.subspan(j, 1), {&expected.tensor, 1}});
    const op::Lerp one{operation.x, operation.y, operation.shares.subspan(j, 1), operation.outs.subspan(j, 1)};
    inner_.run(one);
    compare(op::Lerp::kName, operation.outs[j].as<float>(), expected.values, expected.tensor.shape().last(),
            tolerance_.other);
  }
}

template <RecurrentOperation Op>
void CheckedKernels::check(const Op& operation) {
  const auto state = [&](const StateRun& run) {
    return std::span(run.slot.template as<float>() + operation.part.begin, static_cast<size_t>(operation.part.size));
  };
  // The reference continues the states; they are then put back for the inner kernels.
  std::vector<std::vector<float>> before, expected_states;
  for (const StateRun& run : operation.runs) before.emplace_back(state(run).begin(), state(run).end());
  Twin expected(operation.out);
  Op by_reference = operation;
  by_reference.out = expected.tensor;
  reference_.run(by_reference);
  for (size_t i = 0; i < before.size(); ++i) {
    const std::span<float> numbers = state(operation.runs[i]);
    expected_states.emplace_back(numbers.begin(), numbers.end());
    std::copy(before[i].begin(), before[i].end(), numbers.begin());
  }
  inner_.run(operation);
  for (size_t i = 0; i < before.size(); ++i) {
    compare(std::string(Op::kName) + ", state", state(operation.runs[i]).data(), expected_states[i],
            operation.part.size, tolerance_.other);
  }
  compare(Op::kName, operation.out.template as<float>(), expected.values, operation.out.shape().last(),
          tolerance_.other);
}

void CheckedKernels::run(const Operation& operation) {
  std::visit([this](const auto& one) { check(one); }, operation);
}

}  // namespace tidemill
