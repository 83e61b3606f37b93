// DistilBERT: BERT without kinds of tokens, under names of its own.
// Sanh et al. 2019, arXiv:1910.01108.  Reference: transformers, DistilBertModel.
#include "models/families.h"

namespace tidemill {
namespace {

using Limits = EncoderLimits;

EncoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  EncoderConfig config;
  config.model = {.architecture = std::string(name),
                  .vocab_size = get.count("vocab_size", Limits::kVocab),
                  .context_length = get.count("max_position_embeddings", Limits::kContext),
                  .d_model = get.count("dim", Limits::kWidth),
                  .n_layers = get.count("n_layers", Limits::kLayers)};
  config.n_heads = get.count("n_heads", Limits::kHeads);
  config.head_dim = config.model.d_model / config.n_heads;
  config.d_ff = get.count("hidden_dim", Limits::kHidden);
  config.norm_eps = 1e-12f;  // no field says it
  config.activation = activation_named(get, "activation", "gelu");
  config.n_position_rows = config.model.context_length;
  config.layers.resize(static_cast<size_t>(config.model.n_layers));
  return config;
}

constexpr WeightName kNames[] = {
    {"token_embd", "embeddings.word_embeddings"},
    {"position_embd", "embeddings.position_embeddings"},
    {"token_embd_norm", "embeddings.LayerNorm"},
    {"blk.*.attn_q", "transformer.layer.*.attention.q_lin"},
    {"blk.*.attn_k", "transformer.layer.*.attention.k_lin"},
    {"blk.*.attn_v", "transformer.layer.*.attention.v_lin"},
    {"blk.*.attn_output", "transformer.layer.*.attention.out_lin"},
    {"blk.*.attn_output_norm", "transformer.layer.*.sa_layer_norm"},
    {"blk.*.ffn_up", "transformer.layer.*.ffn.lin1"},
    {"blk.*.ffn_down", "transformer.layer.*.ffn.lin2"},
    {"blk.*.layer_output_norm", "transformer.layer.*.output_layer_norm"},
};

}  // namespace

std::unique_ptr<Model> make_distilbert(const ModelSource& source, std::string_view name) {
  const std::string prefix = prefix_in(source, "distilbert.", "embeddings.word_embeddings.weight");
  return make_encoder(from_json(source, name), source, kNames, prefix);
}

}  // namespace tidemill
