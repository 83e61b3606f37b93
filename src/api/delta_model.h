// A base and its deltas as a model: run without a merged file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/model_file.h"
#include "compress/delta/delta_weights.h"

namespace tidemill {

// What of a delta is compared with its hashes before it is used.
enum class DeltaCheck {
  base,  // the base's content
  all,   // and the content of what it restores
};

struct DeltaModelFile {
  std::shared_ptr<const DeltaChain> chain;
  std::shared_ptr<const DeltaWeights> weights;
  std::unique_ptr<ModelFile> file;  // with these weights
};

// The model that `deltas` lead to from `base`, a file or a folder.  `decoder` decodes its tensors; null: threads of its
// own.
// Files beside the weights (configuration, tokenizer) are the delta's, where it restores a folder, and those beside the
// base where it restores a .safetensors file.  Throws what apply_delta throws, and unsupported for other files.
DeltaModelFile open_deltas(const std::string& base, const std::vector<std::string>& deltas, DeltaCheck check,
                           std::shared_ptr<ThreadPool> decoder = nullptr);

// The same for those who want the model alone; its base is compared.
std::unique_ptr<ModelFile> open_delta_model(const std::string& base, const std::vector<std::string>& deltas);

}  // namespace tidemill
