#include "compress/delta/gap_table.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tidemill {

int rate_of(uint32_t n_changed, uint32_t n_elements) {
  const double octaves = std::log2(static_cast<double>(n_elements) / n_changed);
  return std::clamp(static_cast<int>(std::lround(4 * octaves)), 1, kMostRate);
}

GapCode gap_code(int rate) {
  return {std::max(0, rate / 4 - 2)};
}

Frequencies gap_frequencies(int rate) {
  // 2^-(quarters / 4) in units of 2^-32; all arithmetic is on integers, so that every decoder gets the same table.
  constexpr std::array<uint64_t, 4> kQuarters = {4294967296, 3611622603, 3037000500, 2553802834};
  constexpr uint64_t kOne = uint64_t{1} << 32;
  uint64_t stays = kOne - (kQuarters[static_cast<size_t>(rate) % 4] >> rate / 4);  // chance of no change
  for (int bit = 0; bit < gap_code(rate).n_low_bits; ++bit) stays = stays * stays >> 32;
  std::array<uint64_t, kGapEscape + 1> weights;
  uint64_t reaches = kOne;  // chance of a symbol at least as large
  for (uint32_t symbol = 0; symbol < kGapEscape; ++symbol) {
    weights[symbol] = std::max<uint64_t>(1, reaches * (kOne - stays) >> 32);
    reaches = reaches * stays >> 32;
  }
  weights[kGapEscape] = std::max<uint64_t>(1, reaches);
  return frequencies_of(weights);
}

}  // namespace tidemill
