#include "models/encoder_config.h"

namespace tidemill {
namespace {

using Limits = EncoderLimits;

int64_t rows_of(const GgufFile& file, std::string_view name) {
  const auto tensor = file.find(name);
  return tensor && tensor->shape().rank() == 2 ? tensor->dim(0) : 0;
}

}  // namespace

EncoderConfig encoder_config(const JsonConfig& get, std::string_view architecture) {
  EncoderConfig config;
  config.model = {.architecture = std::string(architecture),
                  .vocab_size = get.count("vocab_size", Limits::kVocab),
                  .context_length = get.count("max_position_embeddings", Limits::kContext),
                  .d_model = get.count("hidden_size", Limits::kWidth),
                  .n_layers = get.count("num_hidden_layers", Limits::kLayers)};
  config.n_heads = get.count("num_attention_heads", Limits::kHeads);
  config.head_dim = get.count_or("head_dim", Limits::kHeadDim, config.model.d_model / config.n_heads);
  config.d_ff = get.count("intermediate_size", Limits::kHidden);
  config.norm_eps = get.positive_or("layer_norm_eps", 1e-12f);
  config.layers.resize(static_cast<size_t>(config.model.n_layers));
  return config;
}

void read_roberta_positions(const JsonConfig& get, EncoderConfig& config) {
  config.n_position_rows = config.model.context_length;
  config.padding_id = get.count_or("pad_token_id", config.model.vocab_size, 1);
  config.first_position = config.padding_id + 1;
  config.model.context_length -= config.first_position;
}

EncoderConfig encoder_config(const GgufConfig& get, std::string_view architecture) {
  EncoderConfig config;
  config.model = {.architecture = std::string(architecture),
                  .vocab_size = rows_of(get.file(), "token_embd.weight"),
                  .context_length = get.count("context_length", Limits::kContext),
                  .d_model = get.count("embedding_length", Limits::kWidth),
                  .n_layers = get.count("block_count", Limits::kLayers)};
  config.n_heads = get.count("attention.head_count", Limits::kHeads);
  config.head_dim = config.model.d_model / config.n_heads;
  config.d_ff = get.count("feed_forward_length", Limits::kHidden);
  config.norm_eps = get.positive_or("attention.layer_norm_epsilon", 1e-12f);
  config.n_position_rows = rows_of(get.file(), "position_embd.weight");
  config.n_types = rows_of(get.file(), "token_types.weight");
  config.layers.resize(static_cast<size_t>(config.model.n_layers));
  return config;
}

}  // namespace tidemill
