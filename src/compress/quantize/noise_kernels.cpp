#include "compress/quantize/noise_kernels.h"

#include <cmath>
#include <type_traits>
#include <variant>

namespace tidemill {

void NoiseKernels::disturb(const std::vector<const void*>& weights, double relative) {
  weights_ = {weights.begin(), weights.end()};
  amplitude_ = static_cast<float>(std::sqrt(relative));
  random_ = Random(1);
}

void NoiseKernels::run(const Operation& operation) {
  inner_.run(operation);
  std::visit(
      [this](const auto& one) {
        using Op = std::decay_t<decltype(one)>;
        const auto is_chosen = [this](const Tensor& weight) { return weights_.contains(weight.data()); };
        if constexpr (std::is_same_v<Op, op::Matmul> || std::is_same_v<Op, op::Project>) {
          for (size_t j = 0; j < one.weights.size(); ++j)
            if (is_chosen(one.weights[j])) add_noise(one.outs[j]);
        } else if constexpr (std::is_same_v<Op, op::Scores>) {
          if (is_chosen(one.weight)) add_noise(one.out);
        } else if constexpr (std::is_same_v<Op, op::Embed>) {
          if (is_chosen(one.table)) add_noise(one.out);
        } else if constexpr (std::is_same_v<Op, op::ExpertMatmul>) {
          if (is_chosen(one.experts[0])) add_noise(one.out);
        }
      },
      operation);
}

void NoiseKernels::add_noise(const Tensor& rows) {
  const int64_t width = rows.dim(1);
  for (int64_t i = 0; i < rows.dim(0); ++i) {
    float* const row = rows.row<float>(i);
    double squares = 0;
    for (int64_t c = 0; c < width; ++c) squares += double{row[c]} * row[c];
    // Uniform noise of that mean square: its distribution does not matter, thousands of it are summed.
    const float unit = amplitude_ * static_cast<float>(std::sqrt(3 * squares / static_cast<double>(width)));
    for (int64_t c = 0; c < width; ++c) row[c] += unit * (static_cast<float>(random_.next()) * 0x1p-31f - 1.0f);
  }
}

}  // namespace tidemill
