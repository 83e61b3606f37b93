// An encoder as an ONNX file.
#pragma once

#include <string>

#include "api/model_file.h"
#include "tidemill/convert.h"

namespace tidemill {

// In f32, whatever the weights are; see convert_model.  Throws invalid_argument for another dtype and unsupported for
// what is no encoder, or one that docs/formats/onnx.md does not name.
ConvertReport write_onnx(const ModelFile& file, const std::string& out, const ConvertOptions& options);

}  // namespace tidemill
