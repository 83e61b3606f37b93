// A .tmill as a model: its own weights under our names, configured as the file or folder that it was made from.
#pragma once

#include <memory>
#include <string>

#include "api/model_file.h"

namespace tidemill {

// Throws what TmillFile throws, and bad_file for a file without a configuration.
std::unique_ptr<ModelFile> open_tmill_model(const std::string& path);

}  // namespace tidemill
