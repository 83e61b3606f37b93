// An ONNX file as a model: a graph, and beside it or a folder up the files of a tokenizer and of sentence-transformers.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/model_file.h"

namespace tidemill {

inline constexpr std::string_view kOnnxEnding = ".onnx";

// The ONNX file of a folder without weights in safetensors: model.onnx, or onnx/model.onnx; nothing when it has none.
std::optional<std::string> onnx_file_in(const std::string& folder);

// Throws what OnnxFile throws.
std::unique_ptr<ModelFile> open_onnx_model(const std::string& path);

}  // namespace tidemill
