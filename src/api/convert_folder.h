// A model of any format as a folder in Hugging Face's layout.
#pragma once

#include <string>

#include "api/model_file.h"
#include "tidemill/convert.h"

namespace tidemill {

// See convert_model.  `out` does not exist yet, or is an empty folder.
ConvertReport write_folder(const ModelFile& file, const std::string& out, const ConvertOptions& options);

// Whether `out` means a folder: it ends in a slash, or is one.
bool is_folder_name(const std::string& out);

}  // namespace tidemill
