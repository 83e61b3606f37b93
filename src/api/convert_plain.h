// The weights of a model of any format as one safetensors file of plain numbers.
#pragma once

#include <string>

#include "api/model_file.h"
#include "tidemill/convert.h"

namespace tidemill {

// Tensors keep the names and shapes that `file` has, and their dtypes where safetensors knows them; see convert_model.
ConvertReport write_plain(const ModelFile& file, const std::string& out, const ConvertOptions& options);

}  // namespace tidemill
