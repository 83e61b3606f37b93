// Recognized: an encoder that a graph computes, known by its structure, so that it runs as encoders of other files do:
// texts share passes without padding, and attention needs no memory for scores.
#pragma once

#include <memory>

#include "models/model.h"
#include "models/onnx/outline.h"

namespace tidemill::onnx {

// The graph's encoder as a Model over its initialisers, or null for a graph whose structure is not one of those that
// EncoderConfig describes, or which that model would not give the same hidden states.  `context_length`: of a model
// without learned positions.  The file must live until a backend has adopted the weights.
std::unique_ptr<Model> recognize(const std::shared_ptr<const OnnxFile>& file, const Outline& outline,
                                 int64_t context_length);

}  // namespace tidemill::onnx
