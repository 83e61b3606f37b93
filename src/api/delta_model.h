// A base and its deltas as a model: run without a merged file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/model_file.h"

namespace tidemill {

// The model that `deltas` lead to from `base`, a file or a folder.  The base is compared with the first delta's hashes.
// Files beside the weights (configuration, tokenizer) are the delta's, where it restores a folder, and those beside the
// base where it restores a .safetensors file.  Throws what apply_delta throws, and unsupported for other files.
std::unique_ptr<ModelFile> open_delta_model(const std::string& base, const std::vector<std::string>& deltas);

}  // namespace tidemill
