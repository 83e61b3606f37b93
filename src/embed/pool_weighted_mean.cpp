// The mean with weights that grow with the position, for causal models, whose later tokens have seen more.
// Muennighoff 2022, arXiv:2202.08904.
#include "embed/pooling.h"

namespace tidemill {

void pool_weighted_mean(const Tensor& hidden, int64_t first, std::span<float> out) {
  const auto weight = [](int64_t token) { return static_cast<double>(token + 1); };
  double total = 0;
  for (int64_t token = first; token < hidden.dim(0); ++token) total += weight(token);
  for (size_t i = 0; i < out.size(); ++i) {
    double sum = 0;
    for (int64_t token = first; token < hidden.dim(0); ++token)
      sum += weight(token) * double{hidden.row<float>(token)[i]};
    out[i] = static_cast<float>(sum / total);
  }
}

}  // namespace tidemill
