// A model of any format as a .tmill.
#pragma once

#include <string>

#include "api/model_file.h"
#include "tidemill/convert.h"

namespace tidemill {

// See convert_model; `options.dtype` must not be given.
ConvertReport write_tmill(const ModelFile& file, const std::string& out, const ConvertOptions& options);

}  // namespace tidemill
