// An ONNX file as a model: a graph, and beside it or a folder up the files of a tokenizer and of sentence-transformers.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/model_file.h"
#include "api/sentence_modules.h"

namespace tidemill {

inline constexpr std::string_view kOnnxEnding = ".onnx";

// The ONNX file of a folder without weights in safetensors: model.onnx, or onnx/model.onnx; nothing when it has none.
std::optional<std::string> onnx_file_in(const std::string& folder);

// Throws what OnnxFile throws.
std::unique_ptr<ModelFile> open_onnx_model(const std::string& path);

// What the graph of the file at `path` and the files about it say about how texts become vectors: modules.json where
// there is one and the graph gives hidden states, else what the graph does itself.
SentenceModules onnx_sentence_modules(const std::string& path, int64_t d_model);

}  // namespace tidemill
