// Precision: what the numbers of a model are computed in.
#pragma once

#include <cstdint>

namespace tidemill {

// Weights in blocks meet activations in integers of 12 to 16 bits but for f32; the state is f16, but for f32.
enum class Precision : uint8_t {
  fast,  // weights as they are in the file; those of bf16 meet activations in bf16, where the processor multiplies such
  f32,   // everything that is computed is f32, and the state; several times slower
  bf16,  // as fast, and matrices in f32 and f16 become bf16 when they are loaded: half the memory of f32, less exact
  int8,  // likewise int8 (decoders: Q8_0): a quarter of the memory; activations in 8 bits, too: faster, less exact
};

}  // namespace tidemill
