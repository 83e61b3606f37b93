#include "models/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tidemill {
namespace {

// base^(-2j / n), computed as the reference does.
std::vector<float> plain_frequencies(int64_t n_rotated, float base) {
  std::vector<float> inv_freq(static_cast<size_t>(n_rotated / 2));
  for (size_t pair = 0; pair < inv_freq.size(); ++pair) {
    const float exponent = static_cast<float>(2 * pair) / static_cast<float>(n_rotated);
    inv_freq[pair] = 1.0f / static_cast<float>(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  return inv_freq;
}

void stretch_llama3(const RopeConfig& config, std::vector<float>& inv_freq) {
  const float longest_kept = config.original_context / config.high_freq_factor;  // wave lengths, in positions
  const float shortest_stretched = config.original_context / config.low_freq_factor;
  for (float& frequency : inv_freq) {
    const float wave_length = 2 * std::numbers::pi_v<float> / frequency;
    if (wave_length < longest_kept) continue;
    if (wave_length > shortest_stretched) {
      frequency /= config.factor;
      continue;
    }
    const float share = (config.original_context / wave_length - config.low_freq_factor) /
                        (config.high_freq_factor - config.low_freq_factor);
    frequency = (1 - share) * frequency / config.factor + share * frequency;
  }
}

void stretch_yarn(const RopeConfig& config, std::vector<float>& inv_freq) {
  // The pair that turns `n_rotations` times over the original context.
  const auto pair_of = [&](float n_rotations) {
    return static_cast<float>(config.n_rotated) *
           std::log(config.original_context / (n_rotations * 2 * std::numbers::pi_v<float>)) /
           (2 * std::log(config.base));
  };
  float low = pair_of(config.beta_fast), high = pair_of(config.beta_slow);
  if (config.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0f);
  high = std::min(high, static_cast<float>(config.n_rotated - 1));
  if (low == high) high += 0.001f;
  for (size_t pair = 0; pair < inv_freq.size(); ++pair) {
    const float stretched = std::clamp((static_cast<float>(pair) - low) / (high - low), 0.0f, 1.0f);
    inv_freq[pair] = inv_freq[pair] / config.factor * stretched + inv_freq[pair] * (1 - stretched);
  }
}

}  // namespace

RopeFrequencies rope_frequencies(const RopeConfig& config) {
  RopeFrequencies result{.inv_freq = plain_frequencies(config.n_rotated, config.base)};
  switch (config.stretch) {
    case RopeStretch::none:
      break;
    case RopeStretch::linear:
      for (float& frequency : result.inv_freq) frequency /= config.factor;
      break;
    case RopeStretch::llama3:
      stretch_llama3(config, result.inv_freq);
      break;
    case RopeStretch::yarn:
      stretch_yarn(config, result.inv_freq);
      result.scale = config.factor > 1 ? 0.1f * std::log(config.factor) + 1 : 1;
      break;
  }
  if (config.attention_factor > 0) result.scale = config.attention_factor;
  if (!config.long_divisors.empty()) result.long_inv_freq = result.inv_freq;
  for (size_t pair = 0; pair < config.divisors.size(); ++pair) result.inv_freq[pair] /= config.divisors[pair];
  for (size_t pair = 0; pair < config.long_divisors.size(); ++pair)
    result.long_inv_freq[pair] /= config.long_divisors[pair];
  return result;
}

}  // namespace tidemill
