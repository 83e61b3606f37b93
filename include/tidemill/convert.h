// Models from one file format to another.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "tidemill/dtype.h"

namespace tidemill {

struct ConvertOptions {
  // Not for .tmill: the dtype of matrices, f32, f16 or bf16; without it they stay as they are.
  std::optional<DType> dtype = {};
  int threads = 0;  // 0: one per processor that this process may use
  // Called on the caller's thread with a share in [0, 1] that grows; false ends the work with Error(cancelled).
  std::function<bool(double share)> on_progress = {};
};

struct ConvertReport {
  std::string format;  // "tmill", "gguf", "onnx", "safetensors", "folder"
  int64_t n_tensors = 0;
  int64_t n_bytes = 0;  // written
  double seconds = 0;
};

// Writes `model`, a file, a folder or a name in the model store, as `out`, whose name says the format:
//   NAME.tmill        docs/formats/tmill.md
//   NAME.gguf         as llama.cpp reads it, tokenizer included; of a GGUF the blocks and the metadata stay bit for bit
//   NAME.onnx         an encoder as a graph that ONNX Runtime reads, in f32
//   NAME.safetensors  the weights alone, under the names that the model's file has (of a GGUF and a .tmill GGUF's)
//   NAME/             a folder in Hugging Face's layout, which must not exist yet or be empty
// GGUF and folders of models that came from the other kind are made for the architectures that docs/models.md lists.
// `out` appears, or is replaced, only once it is whole, and what a killed process leaves does not bear its name. Memory
// does not grow with the model, save for weights that a folder keeps transposed or joined.  Throws invalid_argument for
// a name or an option that makes no sense, unsupported for a model that the format has no words for, what loading the
// model throws, io for a full disk, cancelled.
ConvertReport convert_model(const std::string& model, const std::string& out, const ConvertOptions& options = {});

}  // namespace tidemill
