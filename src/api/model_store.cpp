#include "tidemill/model_store.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <system_error>

#include "tidemill/error.h"
#include "tidemill/suggest.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kModelEndings[] = {".gguf", ".tmill", ".onnx"};

// The value of an environment variable that is set and not empty.
std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// Of the files in a folder, without those in folders within it.
int64_t folder_bytes(const fs::path& folder) {
  int64_t total = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.is_regular_file(ignored)) total += static_cast<int64_t>(entry.file_size(ignored));
  }
  return total;
}

std::string suggestion(const std::string& wanted) {
  std::vector<std::string> names;
  for (const StoredModel& model : list_models()) names.push_back(model.name);
  const std::string nearest = nearest_word(wanted, names);
  if (!nearest.empty()) return "did you mean '" + nearest + "'?";
  return "give a .gguf, .tmill or .onnx file, a model folder or a name that `tidemill models` lists (`./dev run` "
         "fetches "
         "gemma3-270m)";
}

}  // namespace

std::string store_folder() {
  if (const std::string home = environment("TIDEMILL_HOME"); !home.empty()) return home;
  if (const std::string cache = environment("XDG_CACHE_HOME"); !cache.empty()) return cache + "/tidemill";
  return environment("HOME") + "/.cache/tidemill";
}

std::vector<StoredModel> list_models() {
  std::vector<StoredModel> models;
  std::error_code ignored;  // a store that is not there holds no models
  for (const auto& entry : fs::directory_iterator(store_folder() + "/models", ignored)) {
    if (fs::exists(entry.path() / "config.json", ignored)) {
      models.push_back({.name = entry.path().filename().string(),
                        .path = entry.path().string(),
                        .size_bytes = folder_bytes(entry.path())});
    }
    const std::string ending = entry.path().extension().string();
    const bool is_model =
        std::find(std::begin(kModelEndings), std::end(kModelEndings), ending) != std::end(kModelEndings);
    if (!entry.is_regular_file(ignored) || !is_model) continue;
    models.push_back({.name = entry.path().stem().string(),
                      .path = entry.path().string(),
                      .size_bytes = static_cast<int64_t>(entry.file_size(ignored))});
  }
  std::sort(models.begin(), models.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return models;
}

std::string resolve_model(const std::string& model) {
  std::error_code ignored;
  if (fs::exists(model, ignored)) return model;
  for (const StoredModel& stored : list_models())
    if (stored.name == model) return stored.path;
  throw Error(ErrorCode::not_found, model + ": no such file or model; " + suggestion(model));
}

}  // namespace tidemill
