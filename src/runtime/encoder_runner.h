// EncoderRunner: hidden states of many texts, several in each pass of an encoder.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "models/model.h"
#include "ops/ops.h"
#include "tidemill/encoder.h"

namespace tidemill {

class EncoderRunner {
 public:
  // Plans the memory of a pass over `context_length` positions, or kBatchTokens when that is more, and reserves it; it
  // is committed as passes need it.  `model` and `kernels` outlive this object.
  EncoderRunner(const Model& model, Kernels& kernels, int64_t context_length);

  // Bytes of activations that a runner takes, without taking them.
  static int64_t plan_bytes(const Model& model, int64_t context_length);

  // Gives each text's hidden states to `sink`.  A text's numbers are the same whatever is encoded with it.  Throws
  // invalid_argument, before anything is computed, for a text that is empty, for ids outside the vocabulary and for
  // types that are not one for each id; context_full for a text that is too long.  Callers take turns; `sink`
  // must not call back.
  void encode(std::span<const EncoderInput> inputs, const HiddenSink& sink);

  // Throws what `encode` would throw for this text.
  void check(const EncoderInput& input) const;

  int64_t context_length() const { return context_length_; }
  int64_t arena_bytes() const { return arena_.capacity_bytes(); }

 private:
  // Texts share a pass up to so many tokens: enough for a product of matrices to run at full speed, few enough for the
  // activations to stay in a processor's cache.
  static constexpr int64_t kBatchTokens = 512;

  void collect(std::span<const EncoderInput> inputs);
  void run(std::span<const EncoderInput> inputs, size_t first, const HiddenSink& sink);

  const Model& model_;
  Kernels& kernels_;
  int64_t context_length_;
  Arena arena_;
  std::mutex turn_;
  std::vector<int32_t> tokens_, types_, positions_, lengths_, rows_;  // of the pass being run
  std::vector<StateRun> runs_;                                        // [n_layers, n_texts]: the texts in it
  int64_t n_texts_ = 0;
};

}  // namespace tidemill
