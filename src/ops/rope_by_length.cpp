#include <cmath>

#include "ops/operations.h"

namespace tidemill {

float RopeByLength::frequency(const Tensor& inv_freq, size_t row, int64_t j) const {
  const float plain = inv_freq.as<float>()[j];
  if (lengths.empty() || lengths[row] <= short_length) return plain;
  if (!long_inv_freq.empty()) return long_inv_freq.as<float>()[j];
  // The base grows by this to the power of d / (d - 2), where d = 2 n_freqs elements rotate, and the frequency is the
  // base to the power of -2 j / d.
  const double stretch = double{growth} * lengths[row] / static_cast<double>(short_length) - (double{growth} - 1);
  const auto share = static_cast<double>(j) / static_cast<double>(inv_freq.dim(0) - 1);
  return static_cast<float>(plain * std::pow(stretch, -share));
}

}  // namespace tidemill
