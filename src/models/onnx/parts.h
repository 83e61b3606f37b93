// Parts of a transformer in a graph, found in what it made of a text: linear layers, norms, activations.
//
// Nodes say which weights are used where; what is computed with them is seen from the numbers, so that it does not
// matter which of the many ways of writing a GELU or a norm an exporter has.
#pragma once

#include <optional>
#include <vector>

#include "models/blocks.h"
#include "models/onnx/trace.h"

namespace tidemill::onnx {

// Which of the equal parts of a linear layer's rows: of query, key and value, or of gate and what it gates.
struct LinearFound {
  OnnxValue input = kNoOnnxValue;
  OnnxValue weight = kNoOnnxValue, bias = kNoOnnxValue;  // initialisers
  bool is_transposed = false;                            // the weight is [in, out]
  int64_t n_out = 0;
  int64_t part = 0, n_parts = 1;
};

struct NormFound {
  OnnxValue input = kNoOnnxValue;
  OnnxValue weight = kNoOnnxValue, bias = kNoOnnxValue;  // initialisers; a bias may be missing
  float eps = 0;
};

// A feed-forward network without its last layer.
struct HiddenFound {
  LinearFound up;
  std::optional<LinearFound> gate;
  Activation activation = Activation::identity;
};

std::optional<LinearFound> find_linear(const Trace& trace, OnnxValue value);
// Layer norm, as one node or written out.
std::optional<NormFound> find_norm(const Trace& trace, OnnxValue value);
// activation(up) or activation(gate) * up.
std::optional<HiddenFound> find_hidden(const Trace& trace, OnnxValue value);

// A value through nodes that cut the rows of a linear layer in equal parts, or the layer itself.
std::optional<LinearFound> find_part(const Trace& trace, OnnxValue value);

}  // namespace tidemill::onnx
