// What goes into an encoder and what comes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "tidemill/tensor.h"

namespace tidemill {

// One text for an encoder.
struct EncoderInput {
  std::span<const int32_t> ids;         // at least one, with the special tokens that the model wants; no padding
  std::span<const int32_t> types = {};  // of each id: 1 where it is of the second of two texts, else 0; empty: all 0
};

// Receives the hidden states of text `index` after the last layer, f32 [n_ids, d_model]; valid during the call.  Called
// once for each text, in order.
using HiddenSink = std::function<void(size_t index, const Tensor& hidden)>;

}  // namespace tidemill
