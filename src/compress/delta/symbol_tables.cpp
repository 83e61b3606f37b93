#include "compress/delta/symbol_tables.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "compress/delta/bad_code.h"

namespace tidemill {
namespace {

constexpr int kTopLevel = 61;  // of the symbol that comes most often

// 2^(quarters / 4) in units of 2^-16.
constexpr std::array<uint64_t, 4> kQuarters = {65536, 77936, 92682, 110218};

uint64_t weight_of(uint8_t level) {
  return level == 0 ? 0 : kQuarters[(level - 1u) % 4] << (level - 1u) / 4;
}

}  // namespace

Frequencies frequencies_of(std::span<const uint64_t> weights) {
  const uint64_t total = std::accumulate(weights.begin(), weights.end(), uint64_t{0});
  if (total == 0) return {};
  Frequencies frequencies(weights.size());
  int64_t left = kTableSize;
  for (size_t symbol = 0; symbol < weights.size(); ++symbol) {
    if (weights[symbol] == 0) continue;
    frequencies[symbol] = static_cast<uint16_t>(std::max<uint64_t>(1, weights[symbol] * kTableSize / total));
    left -= frequencies[symbol];
  }
  const auto largest = std::ranges::max_element(frequencies);
  if (*largest + left < 1) return {};
  *largest = static_cast<uint16_t>(*largest + left);
  return frequencies;
}

Levels levels_of(std::span<const uint32_t> counts) {
  const double largest = *std::ranges::max_element(counts);
  Levels levels(counts.size());
  for (size_t symbol = 0; symbol < counts.size(); ++symbol) {
    if (counts[symbol] == 0) continue;
    const double below = 4 * std::log2(largest / counts[symbol]);
    levels[symbol] = static_cast<uint8_t>(std::max(1.0, kTopLevel - std::round(below)));
  }
  return levels;
}

Frequencies frequencies_of_levels(std::span<const uint8_t> levels) {
  std::vector<uint64_t> weights(levels.size());
  std::ranges::transform(levels, weights.begin(), weight_of);
  return frequencies_of(weights);
}

int LevelsModel::expected(std::span<const uint8_t> levels, size_t symbol) const {
  if (!last_.empty()) return last_[symbol];
  return symbol == 0 ? kTopLevel : levels[symbol - 1];
}

void LevelsModel::write(BitWriter& writer, std::span<const uint8_t> levels) {
  for (size_t symbol = 0; symbol < levels.size(); ++symbol) {
    const int guess = expected(levels, symbol);
    model(guess).write(writer, folded(levels[symbol] - guess));
  }
  last_.assign(levels.begin(), levels.end());
}

Levels LevelsModel::read(BitReader& reader, size_t n_symbols) {
  Levels levels(n_symbols);
  for (size_t symbol = 0; symbol < n_symbols; ++symbol) {
    const int guess = expected(levels, symbol);
    const int64_t level = guess + int64_t{unfolded(model(guess).read(reader))};
    if (level < 0 || level > kTopLevel) refuse_code("has a table with a level out of range");
    levels[symbol] = static_cast<uint8_t>(level);
  }
  last_ = levels;
  return levels;
}

}  // namespace tidemill
