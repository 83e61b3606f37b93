// Attention in a graph: which linear layers give queries, keys and values, and what they see of each other.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/onnx/parts.h"

namespace tidemill::onnx {

// What is added to scores, or decides which of them stay.
struct MaskFound {
  OnnxValue value = kNoOnnxValue;
  bool is_condition = false;  // scores stay where it is `stays`
  bool stays = true;
};

struct AttentionFound {
  LinearFound query, key, value;
  float scale = 1;
  int64_t n_heads = 0;
  std::vector<float> inv_freq = {};  // of rotary embedding; empty: none
  std::vector<MaskFound> masks = {};
};

// Attention whose heads, joined again, are `value`.
std::optional<AttentionFound> find_attention(const Trace& trace, OnnxValue value);

// How far masks let a token of a text of `length` see to both sides: EncoderLayer::window, 0 for all of the text.
// Nothing when they are no window, or depend on the heads.
std::optional<int64_t> window_of(const std::shared_ptr<const OnnxFile>& file, const Outline& outline,
                                 const std::vector<MaskFound>& masks, int64_t length);

}  // namespace tidemill::onnx
