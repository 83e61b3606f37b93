// A model of any format as a GGUF.
#pragma once

#include <string>

#include "api/model_file.h"
#include "tidemill/convert.h"

namespace tidemill {

// See convert_model.  With `options.dtype` matrices become that, but for those that llama.cpp wants in f32.
ConvertReport write_gguf(const ModelFile& file, const std::string& out, const ConvertOptions& options);

}  // namespace tidemill
