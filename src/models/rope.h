// The frequencies of rotary position embedding, and how they are stretched to longer contexts than a model was first
// trained for.  Su et al. 2021, arXiv:2104.09864.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace tidemill {

enum class RopeStretch : uint8_t {
  none,
  linear,  // positions divided by `factor`.  Chen et al. 2023, arXiv:2306.15595
  llama3,  // low frequencies divided by `factor`, high ones kept.  Llama Team 2024, arXiv:2407.21783
  yarn,    // the same by another ramp, and a factor on the scores.  Peng et al. 2023, arXiv:2309.00071
};

struct RopeConfig {
  int64_t n_rotated = 0;  // elements of each head that rotate; even
  float base = 10000;
  RopeStretch stretch = RopeStretch::none;
  float factor = 1;
  float original_context = 0;                       // positions it was first trained for: llama3, yarn
  float low_freq_factor = 1, high_freq_factor = 4;  // llama3
  float beta_fast = 32, beta_slow = 1;  // yarn: rotations over the original context where the ramp begins and ends
  bool truncate = true;                 // yarn: the ramp's ends are whole numbers
  std::vector<float> divisors = {};     // of each frequency, [n_rotated / 2], as GGUF writes llama3's; empty: none
  // Texts of more than `short_context` tokens have other frequencies; 0: none have.
  int64_t short_context = 0;
  std::vector<float> long_divisors =
      {};                      // theirs, instead of `divisors`.  LongRoPE: Ding et al. 2024, arXiv:2402.13753
  float growth = 1;            // without these, their base grows with the text ("dynamic NTK")
  float attention_factor = 0;  // on sine and cosine; 0: for yarn 0.1 ln(factor) + 1, else 1
};

struct RopeFrequencies {
  std::vector<float> inv_freq;  // [n_rotated / 2], angle per position of each pair
  std::vector<float> long_inv_freq =
      {};           // of texts longer than RopeConfig::short_context; empty: by growth, or as these
  float scale = 1;  // of sine and cosine
};

// As transformers computes them, in f32.
RopeFrequencies rope_frequencies(const RopeConfig& config);

}  // namespace tidemill
