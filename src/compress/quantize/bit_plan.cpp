#include "compress/quantize/bit_plan.h"

#include <algorithm>
#include <limits>

namespace tidemill {
namespace {

constexpr int kHalvings = 100;  // of the range of prices: doubles have no more

using Matrices = std::span<const std::vector<FormatChoice>>;

std::vector<size_t> cheapest(Matrices matrices, double price_of_byte) {
  std::vector<size_t> chosen;
  for (const auto& choices : matrices) {
    const auto cost = [&](const FormatChoice& one) {
      return one.loss + price_of_byte * static_cast<double>(one.bytes);
    };
    const auto least = std::ranges::min_element(choices, {}, cost);
    chosen.push_back(static_cast<size_t>(least - choices.begin()));
  }
  return chosen;
}

std::vector<size_t> smallest(Matrices matrices) {
  std::vector<size_t> chosen;
  for (const auto& choices : matrices)
    chosen.push_back(
        static_cast<size_t>(std::ranges::min_element(choices, {}, &FormatChoice::bytes) - choices.begin()));
  return chosen;
}

int64_t bytes_of(Matrices matrices, const std::vector<size_t>& chosen) {
  int64_t bytes = 0;
  for (size_t i = 0; i < chosen.size(); ++i) bytes += matrices[i][chosen[i]].bytes;
  return bytes;
}

// The change of one matrix that gains most for each byte, while any fits.
void spend_rest(Matrices matrices, int64_t rest, std::vector<size_t>& chosen) {
  for (;;) {
    double best_rate = 0;
    size_t matrix = 0, choice = 0;
    for (size_t i = 0; i < matrices.size(); ++i) {
      const FormatChoice& now = matrices[i][chosen[i]];
      for (size_t j = 0; j < matrices[i].size(); ++j) {
        const int64_t more = matrices[i][j].bytes - now.bytes;
        const double gain = now.loss - matrices[i][j].loss;
        if (more > rest || gain <= 0) continue;
        const double rate = more <= 0 ? std::numeric_limits<double>::max() : gain / static_cast<double>(more);
        if (rate <= best_rate) continue;
        best_rate = rate;
        matrix = i;
        choice = j;
      }
    }
    if (best_rate == 0) return;
    rest -= matrices[matrix][choice].bytes - matrices[matrix][chosen[matrix]].bytes;
    chosen[matrix] = choice;
  }
}

}  // namespace

std::vector<size_t> plan_formats(Matrices matrices, int64_t budget) {
  std::vector<size_t> chosen = smallest(matrices);
  if (bytes_of(matrices, chosen) > budget) return chosen;
  double too_cheap = 0, dear = 1e-300;
  while (bytes_of(matrices, cheapest(matrices, dear)) > budget && dear < 1e300) dear *= 1e10;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = too_cheap + (dear - too_cheap) / 2;
    (bytes_of(matrices, cheapest(matrices, middle)) > budget ? too_cheap : dear) = middle;
  }
  const std::vector<size_t> found = cheapest(matrices, dear);
  if (bytes_of(matrices, found) <= budget) chosen = found;
  spend_rest(matrices, budget - bytes_of(matrices, chosen), chosen);
  return chosen;
}

}  // namespace tidemill
