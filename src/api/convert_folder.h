// A model of any format as a folder in Hugging Face's layout.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/model_file.h"
#include "api/tensor_stream.h"
#include "models/file_form.h"
#include "models/model.h"
#include "tidemill/convert.h"

namespace tidemill {

// See convert_model.  `out` does not exist yet, or is an empty folder.
ConvertReport write_folder(const ModelFile& file, const std::string& out, const ConvertOptions& options);

// The same with weights that somebody else has made of `model`, the one that `file` describes.
struct FolderWeights {
  FileForm form;  // gives them their names
  std::vector<StreamedTensor> tensors = {};
  nlohmann::ordered_json quantization = {};  // what config.json says of it
};
ConvertReport write_folder(const ModelFile& file, const std::string& out, const ConvertOptions& options,
                           const FolderWeights& weights, std::unique_ptr<Model> model);

// Whether `out` means a folder: it ends in a slash, or is one.
bool is_folder_name(const std::string& out);

}  // namespace tidemill
