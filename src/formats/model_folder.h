// A model folder of Hugging Face's layout: config.json, weights in safetensors, perhaps generation_config.json.
//
// The weights are model.safetensors, or else the shards of model.safetensors.index.json, or else the one other file
// whose name ends in .safetensors.  Links are followed: Hugging Face's own cache is made of them.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "formats/weights.h"

namespace tidemill {

struct ModelFolder {
  std::string path;                  // without a slash at the end
  nlohmann::json config;             // an object; numbers may be infinite or NaN
  nlohmann::json generation_config;  // likewise; null when the folder has none
  std::unique_ptr<Weights> weights;  // never null; those in groups (group_weights.h) as blocks

  // The path of a file of the folder, for messages and for other readers.
  std::string file(std::string_view name) const { return path + "/" + std::string(name); }
};

// Opens the folder at `path`.  Throws not_found, naming what is missing, bad_file for files that break a rule of their
// format, and what their readers throw.
ModelFolder open_model_folder(const std::string& path);

// The weights at `path`: a folder as above (config.json is not needed), a .safetensors file, or an index of shards.
std::unique_ptr<Weights> open_safetensors_weights(const std::string& path);

}  // namespace tidemill
