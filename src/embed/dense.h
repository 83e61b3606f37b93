// What follows pooling: dense layers and the scaling to length 1.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tidemill {

enum class DenseActivation : uint8_t { identity, tanh, relu };

// sentence-transformers' Dense module.
struct Dense {
  int64_t n_in = 0, n_out = 0;
  std::vector<float> weight;  // [n_out, n_in]
  std::vector<float> bias;    // [n_out], or empty
  DenseActivation activation = DenseActivation::identity;

  // vector: [n_in]; returns [n_out].
  std::vector<float> apply(std::span<const float> vector) const;
};

// Scales to length 1; a zero vector stays as it is.
void normalize(std::span<float> vector);

}  // namespace tidemill
