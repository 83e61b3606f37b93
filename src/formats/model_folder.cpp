#include "formats/model_folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "formats/group_weights.h"
#include "formats/json_file.h"
#include "formats/safetensors.h"
#include "formats/sharded_safetensors.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndexEnding = ".safetensors.index.json";

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// Names in the folder that end in `ending`, sorted.
std::vector<std::string> files_ending_in(const std::string& folder, std::string_view ending) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name.ends_with(ending)) names.push_back(std::move(name));
  }
  if (error) {
    throw Error(ErrorCode::io, folder + ": cannot be listed (" + error.message() + "); check its permissions");
  }
  std::ranges::sort(names);
  return names;
}

// The file that the weights of a folder begin with.
std::string weights_of(const std::string& folder) {
  for (const char* const name : {"/model.safetensors", "/model.safetensors.index.json"}) {
    if (exists(folder + name)) return folder + name;
  }
  const auto names = files_ending_in(folder, ".safetensors");
  if (names.size() == 1) return folder + "/" + names.front();
  if (names.empty()) {
    const bool has_pickle = !files_ending_in(folder, ".bin").empty() || !files_ending_in(folder, ".pth").empty();
    throw Error(ErrorCode::not_found, folder + ": holds no .safetensors file" +
                                          (has_pickle ? ", only weights that are programs (.bin, .pth)" : "") +
                                          "; download or convert the weights as safetensors");
  }
  throw Error(ErrorCode::not_found, folder + ": holds " + std::to_string(names.size()) + " .safetensors files (" +
                                        names.front() +
                                        " and others) but no model.safetensors.index.json; download the index too, or "
                                        "give one file");
}

nlohmann::json read_object(const std::string& path) {
  nlohmann::json document = read_json_file(path);
  if (document.is_object()) return document;
  throw Error(ErrorCode::bad_file, path + ": holds " + document.type_name() +
                                       ", expected an object; the file is damaged, download it again");
}

}  // namespace

ModelFolder open_model_folder(const std::string& path) {
  ModelFolder folder;
  folder.path = path.size() > 1 && path.ends_with('/') ? path.substr(0, path.find_last_not_of('/') + 1) : path;
  if (!is_folder(folder.path)) {
    throw Error(ErrorCode::not_found,
                folder.path + ": no such folder; give the folder of a model with its config.json");
  }
  if (!exists(folder.file("config.json"))) {
    throw Error(ErrorCode::not_found, folder.file("config.json") +
                                          ": missing; a model folder needs it, download it from where the weights are");
  }
  folder.config = read_object(folder.file("config.json"));
  if (exists(folder.file("generation_config.json"))) {
    folder.generation_config = read_object(folder.file("generation_config.json"));
  }
  folder.weights = with_groups(open_safetensors_weights(folder.path), folder.config, folder.file("config.json"));
  return folder;
}

std::unique_ptr<Weights> open_safetensors_weights(const std::string& path) {
  const std::string file = is_folder(path) ? weights_of(path) : path;
  if (file.ends_with(kIndexEnding)) return std::make_unique<ShardedSafetensors>(file);
  return std::make_unique<SafetensorsFile>(file);
}

}  // namespace tidemill
