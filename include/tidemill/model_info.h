// What a model file holds, told without loading it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemill/tensor.h"

namespace tidemill {

// An architecture that this build runs.
struct Architecture {
  std::string_view name;          // "qwen3"
  std::string_view gguf;          // general.architecture of a GGUF; empty: GGUF is not read
  std::string_view transformers;  // "architectures" of a config.json; empty: not read
  std::string_view models;        // the models that have it, as users know them
};
std::vector<Architecture> architectures();

struct TensorInfo {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  int64_t size_bytes = 0;
};

// Memory needed to run, in bytes.
struct MemoryNeed {
  int64_t context_length = 0;
  int64_t batch = 0;  // sequences
  int64_t weights = 0;
  int64_t state = 0;
  int64_t activations = 0;
  int64_t tokenizer = 0;
  int64_t total() const { return weights + state + activations + tokenizer; }
};

struct ModelInfo {
  std::string path;
  std::string format;        // "gguf"
  std::string name;          // as the file says; may be empty
  std::string architecture;  // "gemma3"
  int64_t file_bytes = 0;
  int64_t n_parameters = 0;
  std::vector<TensorInfo> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;  // key, value as text; long values cut
  std::string tokenizer;  // as the file names its kind ("llama": SentencePiece BPE); empty when it has none
  int64_t vocab_size = 0;
  int64_t context_length = 0;
  bool runnable = false;
  bool is_encoder = false;   // it makes hidden states of texts and writes none
  bool is_reranker = false;  // an encoder with a head that gives a pair of texts one score: Reranker
  std::string why_not_runnable;
  MemoryNeed memory;  // all zero when not runnable
};

// Throws not_found or bad_file.  `context_length` 0: the model's own.
ModelInfo inspect_model(const std::string& model, int64_t context_length = 0, int64_t batch = 1);

// Reads all weights once.  Throws bad_file, naming the first tensor, row and column that is NaN or infinite.
void check_model(const std::string& model);

}  // namespace tidemill
