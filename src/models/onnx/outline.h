// Outline: what a graph takes and gives, if it is an encoder of texts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "formats/onnx.h"
#include "models/onnx/program.h"

namespace tidemill::onnx {

// How the vector of a text comes from its hidden states.
enum class PooledBy : uint8_t { unknown, mean, first, last, greatest };

struct Outline {
  // kNoOnnxValue for those that it does not have.
  OnnxValue ids = kNoOnnxValue, mask = kNoOnnxValue, types = kNoOnnxValue, positions = kNoOnnxValue;
  OnnxValue hidden = kNoOnnxValue;    // [texts, tokens, d]
  OnnxValue sentence = kNoOnnxValue;  // [texts, d]
  int64_t d_model = 0;
  int64_t vocab_size = 0;
  PooledBy pooled = PooledBy::unknown;  // of `sentence`, where both are there
  bool is_unit = false;                 // `sentence` has length 1

  // A graph's own vector of a text stands for each of its tokens where nothing else says how it is made.
  bool gives_sentence() const {
    return hidden == kNoOnnxValue || (sentence != kNoOnnxValue && pooled == PooledBy::unknown);
  }
  OnnxValue output() const { return gives_sentence() ? sentence : hidden; }
};

// Reads a short text through the graph, and sees what comes out.  Throws unsupported for a graph that is no encoder of
// token ids, and what Program throws.
Outline outline_of(const std::shared_ptr<const OnnxFile>& file);

// The inputs for one text.  `types` may be empty: all 0.
std::vector<Binding> bindings(const Outline& outline, std::span<const int32_t> ids, std::span<const int32_t> types,
                              Budget& budget);

// What a short run may take.
Budget budget_of_trial(const OnnxFile& file);

}  // namespace tidemill::onnx
