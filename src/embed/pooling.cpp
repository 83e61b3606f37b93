#include "embed/pooling.h"

#include <algorithm>

namespace tidemill {
namespace {

constexpr PoolingName kNames[] = {
    {Pooling::cls, "cls_token"},
    {Pooling::max, "max_tokens"},
    {Pooling::mean, "mean_tokens"},
    {Pooling::mean_sqrt_length, "mean_sqrt_len_tokens"},
    {Pooling::weighted_mean, "weightedmean_tokens"},
    {Pooling::last, "lasttoken"},
};

}  // namespace

std::span<const PoolingName> pooling_names() {
  return kNames;
}

void pool(Pooling pooling, const Tensor& hidden, int64_t first, std::span<float> out) {
  const int64_t n_tokens = hidden.dim(0);
  if (pooling == Pooling::cls) return pool_one_token(hidden, 0, out);
  if (first >= n_tokens) {
    std::fill(out.begin(), out.end(), 0.0f);
    return;
  }
  switch (pooling) {
    case Pooling::cls:
    case Pooling::last:
      return pool_one_token(hidden, n_tokens - 1, out);
    case Pooling::max:
      return pool_max(hidden, first, out);
    case Pooling::mean:
      return pool_mean(hidden, first, out);
    case Pooling::mean_sqrt_length:
      return pool_mean_sqrt_length(hidden, first, out);
    case Pooling::weighted_mean:
      return pool_weighted_mean(hidden, first, out);
  }
}

}  // namespace tidemill
