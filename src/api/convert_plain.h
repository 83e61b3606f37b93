// The weights of a model of any format as one safetensors file of plain numbers.
#pragma once

#include <string>
#include <vector>

#include "api/model_file.h"
#include "api/tensor_stream.h"
#include "tidemill/convert.h"

namespace tidemill {

// The tensors of `file` as they are, matrices in `options.dtype`.  Throws invalid_argument for a dtype that safetensors
// does not have.
std::vector<StreamedTensor> plain_tensors(const ModelFile& file, const ConvertOptions& options);

// Tensors keep the names and shapes that `file` has, and their dtypes where safetensors knows them; see convert_model.
ConvertReport write_plain(const ModelFile& file, const std::string& out, const ConvertOptions& options);

}  // namespace tidemill
