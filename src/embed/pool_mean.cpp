// The mean of the tokens, or their sum over the square root of how many they are.  Reimers and Gurevych 2019,
// arXiv:1908.10084.
#include <cmath>

#include "embed/pooling.h"

namespace tidemill {
namespace {

// The sum, times `factor`.
void scaled_sum(const Tensor& hidden, int64_t first, double factor, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    double sum = 0;
    for (int64_t token = first; token < hidden.dim(0); ++token) sum += double{hidden.row<float>(token)[i]};
    out[i] = static_cast<float>(sum * factor);
  }
}

}  // namespace

void pool_mean(const Tensor& hidden, int64_t first, std::span<float> out) {
  scaled_sum(hidden, first, 1.0 / static_cast<double>(hidden.dim(0) - first), out);
}

void pool_mean_sqrt_length(const Tensor& hidden, int64_t first, std::span<float> out) {
  scaled_sum(hidden, first, 1.0 / std::sqrt(static_cast<double>(hidden.dim(0) - first)), out);
}

}  // namespace tidemill
