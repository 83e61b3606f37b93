#include "embed/dense.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tidemill {

std::vector<float> Dense::apply(std::span<const float> vector) const {
  std::vector<float> out(static_cast<size_t>(n_out));
  for (size_t row = 0; row < out.size(); ++row) {
    const float* weights = weight.data() + row * vector.size();
    double sum = bias.empty() ? 0.0 : double{bias[row]};
    for (size_t i = 0; i < vector.size(); ++i) sum += double{weights[i]} * double{vector[i]};
    if (activation == DenseActivation::tanh) sum = std::tanh(sum);
    if (activation == DenseActivation::relu) sum = std::max(sum, 0.0);
    out[row] = static_cast<float>(sum);
  }
  return out;
}

void normalize(std::span<float> vector) {
  const double length = std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0));
  if (!(length > 0)) return;
  for (float& value : vector) value = static_cast<float>(value / length);
}

}  // namespace tidemill
