// A model of any format as a .tmill.
#pragma once

#include <memory>
#include <string>

#include "api/model_file.h"
#include "models/model.h"
#include "tidemill/convert.h"

namespace tidemill {

// See convert_model; `options.dtype` must not be given.
// `model`, where given, is the one that `file` describes, with weights that may be others.
ConvertReport write_tmill(const ModelFile& file, const std::string& out, const ConvertOptions& options,
                          std::unique_ptr<Model> model = nullptr);

}  // namespace tidemill
