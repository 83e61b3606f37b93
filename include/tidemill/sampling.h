// How the next token is chosen from the model's scores.
#pragma once

#include <cstdint>
#include <map>

namespace tidemill {

// Applied in this order: logit_bias, penalties, temperature, min_p, top_k, top_p, then a draw by `seed`.
struct SamplingOptions {
  float temperature = 0.8f;  // 0: always the most likely token
  int32_t top_k = 40;        // keep the k most likely; 0: all
  float top_p = 0.95f;  // keep the fewest whose probabilities reach p; 1: all.  Holtzman et al. 2019, arXiv:1904.09751
  float min_p = 0.05f;  // keep those with at least min_p times the greatest probability; 0: all.  arXiv:2407.01082
  float repeat_penalty =
      1.0f;  // divides positive and multiplies negative scores of recent tokens; 1: off.  arXiv:1909.05858
  int32_t repeat_last_n = 64;   // how many recent tokens the three penalties see; -1: all
  bool penalise_prompt = true;  // whether the prompt's tokens are among them; OpenAI's penalties count new ones only
  float frequency_penalty = 0;  // subtracted once per occurrence, as OpenAI defines it
  float presence_penalty = 0;   // subtracted once when the token occurred
  std::map<int32_t, float> logit_bias = {};  // token id -> added to its score; -100 bans, 100 forces
  uint64_t seed = 0;                         // the same seed, options and scores give the same tokens
};

// Throws invalid_argument naming the option that is out of its range.
void validate(const SamplingOptions& options);

}  // namespace tidemill
