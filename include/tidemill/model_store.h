// The model store: models by name in a folder of the user's, $TIDEMILL_HOME/models (default: the user's cache folder).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidemill {

struct StoredModel {
  std::string name;  // file name without its ending
  std::string path;
  int64_t size_bytes = 0;
};

// $TIDEMILL_HOME, else $XDG_CACHE_HOME/tidemill, else ~/.cache/tidemill; the folder need not exist.
std::string store_folder();
// All models there, by name.
std::vector<StoredModel> list_models();
// The file that `model` means: an existing path as it is, else a name in the store.  Throws not_found, naming the
// nearest name or how to get a model.
std::string resolve_model(const std::string& model);

}  // namespace tidemill
