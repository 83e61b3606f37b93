// A graph that is run node by node, as a model.
#pragma once

#include <memory>

#include "models/model.h"
#include "models/onnx/outline.h"

namespace tidemill::onnx {

// `context_length`: tokens that it reads at most.
std::unique_ptr<Model> make_graph_encoder(std::shared_ptr<const OnnxFile> file, const Outline& outline,
                                          int64_t context_length);

}  // namespace tidemill::onnx
