#include "models/recurrent_config.h"

#include <string>

namespace tidemill {

ModelConfig recurrent_model(const JsonConfig& get, std::string_view architecture) {
  return {.architecture = std::string(architecture),
          .vocab_size = get.count("vocab_size", kMaxVocab),
          .context_length = kRecurrentContext,
          .d_model = get.count("hidden_size", kMaxWidth),
          .n_layers = get.count("num_hidden_layers", kMaxLayers)};
}

ModelConfig recurrent_model(const GgufConfig& get, std::string_view architecture) {
  const auto embedding = get.file().find("token_embd.weight");
  return {.architecture = std::string(architecture),
          .vocab_size = embedding && embedding->shape().rank() == 2 ? embedding->dim(0) : 0,
          .context_length = get.count_or("context_length", 1 << 30, kRecurrentContext),
          .d_model = get.count("embedding_length", kMaxWidth),
          .n_layers = get.count("block_count", kMaxLayers)};
}

}  // namespace tidemill
