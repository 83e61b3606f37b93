// Encoders that a file holds as a graph of operators: ONNX.
#pragma once

#include <memory>

#include "models/model.h"
#include "models/source.h"

namespace tidemill {

// Throws unsupported for a graph that is no encoder of texts or has an operator that is not known, naming it, and
// bad_file for one whose nodes do not fit each other.
std::unique_ptr<Model> make_onnx_encoder(const ModelSource& source);

}  // namespace tidemill
