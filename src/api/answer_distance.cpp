#include "api/answer_distance.h"

#include <cmath>

#include "embed/pooling.h"

namespace tidemill {

double divergence(std::span<const float> truth, double truth_total, std::span<const float> other, double other_total) {
  double sum = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    const double t = truth[i] - truth_total, o = other[i] - other_total;
    sum += std::exp(t) * (t - o);
  }
  return sum;
}

std::vector<float> mean_state(const Tensor& hidden) {
  std::vector<float> mean(static_cast<size_t>(hidden.dim(1)));
  pool(Pooling::mean, hidden, 0, mean);
  return mean;
}

double one_less_cosine(std::span<const float> a, std::span<const float> b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += double{a[i]} * b[i];
    aa += double{a[i]} * a[i];
    bb += double{b[i]} * b[i];
  }
  return aa > 0 && bb > 0 ? 1 - ab / std::sqrt(aa * bb) : 1;
}

}  // namespace tidemill
