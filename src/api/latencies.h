// Latencies: how long things took lately, in bounded memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace tidemill {

class Latencies {
 public:
  void add(double milliseconds) {
    latest_[n_++ % latest_.size()] = milliseconds;
    most_ = std::max(most_, milliseconds);
  }
  // Not exceeded by this share of the latest; 0 when there are none.
  double percentile(double share) const {
    const size_t n = std::min(n_, latest_.size());
    if (n == 0) return 0;
    std::vector<double> sorted(latest_.begin(), latest_.begin() + static_cast<std::ptrdiff_t>(n));
    const auto place = sorted.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(n - 1) + 0.5);
    std::nth_element(sorted.begin(), place, sorted.end());
    return *place;
  }
  double most() const { return most_; }

 private:
  std::array<double, 4096> latest_ = {};
  size_t n_ = 0;
  double most_ = 0;
};

}  // namespace tidemill
