// Where a model comes from: its weights, and what describes it.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "formats/gguf.h"
#include "formats/onnx.h"
#include "formats/weights.h"
#include "models/json_config.h"

namespace tidemill {

// One of `gguf`, `config` and `onnx` is there; beside `onnx` there may be `config`.  All outlive the model's
// construction; the weights live until a backend has adopted them.
struct ModelSource {
  const Weights& weights;
  const GgufFile* gguf = nullptr;                  // metadata of a GGUF, and the names of `weights`
  const nlohmann::json* config = nullptr;          // config.json of a Hugging Face folder
  std::string config_path = {};                    // of config.json, for messages
  std::shared_ptr<const OnnxFile> onnx = nullptr;  // `weights` as well; shared, for its constants are read as they lie

  // Whether tensors bear our names, which are GGUF's, even if some of a GGUF's may be joined.
  bool has_our_names() const { return gguf != nullptr || weights.is_packed(); }
};

// The configuration of a source that has a config.json.
inline JsonConfig json_config(const ModelSource& source) {
  return JsonConfig(*source.config, source.config_path + ": ");
}

// Whether `name` is what transformers calls the layers of a model without its head: "LlamaModel".
inline bool names_layers_alone(std::string_view name) {
  return name.ends_with("Model");
}

// Whether a config.json calls the model so.
inline bool has_layers_alone(const ModelSource& source) {
  if (source.config == nullptr || !source.config->contains("architectures")) return false;
  const std::vector<std::string> names = json_config(source).texts("architectures");
  return !names.empty() && names_layers_alone(names.front());
}

}  // namespace tidemill
