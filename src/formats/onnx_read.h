// The messages of an ONNX file, from ModelProto down to its nodes.
#pragma once

#include <string>
#include <string_view>

#include "formats/onnx_graph.h"
#include "formats/onnx_tensor.h"

namespace tidemill {

// Reads the model that `bytes` hold.  `path` stands in messages; tensors of the result refer to `bytes` and to `data`.
// Throws bad_file, and unsupported for sparse initialisers and operator sets that are not read.
OnnxGraph read_onnx(std::string_view bytes, const std::string& path, OnnxData& data);

}  // namespace tidemill
