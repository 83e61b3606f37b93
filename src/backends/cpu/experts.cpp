#include "backends/cpu/experts.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/cpu/grain.h"

namespace tidemill {
namespace {

// The n_chosen greatest logits, by repeated search: a router has some tens of experts and chooses a few.
void choose(const float* logits, int64_t n_experts, int64_t n_chosen, int32_t* ids) {
  float last = std::numeric_limits<float>::infinity();
  int64_t last_id = -1;
  for (int64_t j = 0; j < n_chosen; ++j) {
    int64_t best = -1;
    for (int64_t expert = 0; expert < n_experts; ++expert) {
      const bool is_left = logits[expert] < last || (logits[expert] == last && expert > last_id);
      if (is_left && (best < 0 || logits[expert] > logits[best])) best = expert;
    }
    best = std::max<int64_t>(best, 0);  // NaN logits: any expert will do
    ids[j] = static_cast<int32_t>(best);
    last = logits[best];
    last_id = best;
  }
}

}  // namespace

void compute(ThreadPool& pool, const op::ChooseExperts& operation) {
  const int64_t n_experts = operation.logits.dim(1), n_chosen = operation.ids.dim(1);
  pool.parallel_for(operation.logits.dim(0), rows_per_piece(n_experts * n_chosen),
                    [&](int64_t begin, int64_t end, int) {
                      for (int64_t row = begin; row < end; ++row) {
                        const float* const logits = operation.logits.row<float>(row);
                        int32_t* const ids = operation.ids.row<int32_t>(row);
                        choose(logits, n_experts, n_chosen, ids);
                        double total = 0;
                        if (operation.kind == RouterWeights::softmax_of_all) {
                          for (int64_t expert = 0; expert < n_experts; ++expert)
                            total += std::exp(double{logits[expert]} - logits[ids[0]]);
                        } else {
                          for (int64_t j = 0; j < n_chosen; ++j)
                            total += std::exp(double{logits[ids[j]]} - logits[ids[0]]);
                        }
                        for (int64_t j = 0; j < n_chosen; ++j) {
                          const double share = std::exp(double{logits[ids[j]]} - logits[ids[0]]) / total;
                          operation.weights.row<float>(row)[j] = static_cast<float>(share);
                        }
                      }
                    });
}

void compute(ThreadPool& pool, const op::MixExperts& operation) {
  const int64_t n_chosen = operation.weights.dim(1), width = operation.out.dim(1);
  pool.parallel_for(operation.out.dim(0), rows_per_piece(n_chosen * width), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      float* const out = operation.out.row<float>(row);
      std::fill_n(out, width, 0.0f);
      for (int64_t j = 0; j < n_chosen; ++j) {
        const float weight = operation.weights.row<float>(row)[j];
        const float* const x = operation.x.row<float>(row * n_chosen + j);
        for (int64_t d = 0; d < width; ++d) out[d] += weight * x[d];
      }
    }
  });
}

void ExpertProducts::compute(const op::ExpertMatmul& operation) {
  const int64_t n_chosen = operation.ids.dim(1), n_products = operation.ids.n_elements();
  const int32_t* const ids = operation.ids.as<int32_t>();
  const int64_t width = operation.x.dim(1), out_width = operation.out.dim(1);
  const auto x_row = [&](int64_t product) { return operation.x.dim(0) == n_products ? product : product / n_chosen; };
  const int64_t n_bytes = n_products * (width + out_width) * static_cast<int64_t>(sizeof(float));
  if (rows_.size_bytes() < n_bytes) rows_ = Storage(n_bytes);
  float* const memory = reinterpret_cast<float*>(rows_.data());

  for (size_t expert = 0; expert < operation.experts.size(); ++expert) {
    int64_t n_rows = 0;
    for (int64_t i = 0; i < n_products; ++i) {
      if (ids[i] != static_cast<int32_t>(expert)) continue;
      std::copy_n(operation.x.row<float>(x_row(i)), width, memory + n_rows++ * width);
    }
    if (n_rows == 0) continue;
    const Tensor x(memory, DType::f32, {n_rows, width});
    const Tensor out(memory + n_rows * width, DType::f32, {n_rows, out_width});
    matmul(matmul_, {&x, 1}, {&operation.experts[expert], 1}, {&out, 1});
    const float* const bias = operation.biases.empty() ? nullptr : operation.biases[expert].as<float>();
    for (int64_t i = 0, row = 0; i < n_products; ++i) {
      if (ids[i] != static_cast<int32_t>(expert)) continue;
      const float* const source = out.row<float>(row++);
      float* const target = operation.out.row<float>(i);
      for (int64_t n = 0; n < out_width; ++n) target[n] = bias == nullptr ? source[n] : source[n] + bias[n];
    }
  }
}

}  // namespace tidemill
