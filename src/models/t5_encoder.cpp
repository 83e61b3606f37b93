// The encoder of T5 (Raffel et al. 2020, arXiv:1910.10683), of its first version (ReLU) and of 1.1 (gated).
// Reference: transformers, T5EncoderModel.
#include "models/families.h"

namespace tidemill {
namespace {

using Limits = EncoderLimits;

EncoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  EncoderConfig config;
  config.model = {.architecture = std::string(name),
                  .vocab_size = get.count("vocab_size", Limits::kVocab),
                  .context_length = get.count_or("n_positions", Limits::kContext, 512),
                  .d_model = get.count("d_model", Limits::kWidth),
                  .n_layers = get.count("num_layers", Limits::kLayers)};
  config.n_heads = get.count("num_heads", Limits::kHeads);
  config.head_dim = get.count("d_kv", Limits::kHeadDim);
  config.d_ff = get.count("d_ff", Limits::kHidden);
  config.norm_eps = get.positive_or("layer_norm_epsilon", 1e-6f);
  config.n_buckets = get.count_or("relative_attention_num_buckets", Limits::kBuckets, 32);
  config.farthest = get.count_or("relative_attention_max_distance", Limits::kDistance, 128);
  check_buckets(config, get, "relative_attention_num_buckets");
  const std::string kind = get.text_or("feed_forward_proj", "relu");
  constexpr std::string_view kGated = "gated-";
  config.is_gated = kind.starts_with(kGated);
  const std::string activation = config.is_gated ? kind.substr(kGated.size()) : kind;
  // Version 1.1 says "gated-gelu" of the approximation.
  config.activation = config.is_gated && activation == "gelu" ? Activation::gelu_tanh
                                                              : activation_called(get, "feed_forward_proj", activation);
  config.layers.resize(static_cast<size_t>(config.model.n_layers));
  return config;
}

EncoderConfig from_gguf(const ModelSource& source, std::string_view name) {
  const GgufConfig get(*source.gguf, std::string(name));
  EncoderConfig config = encoder_config(get, name);
  config.head_dim = get.count_or("attention.key_length", Limits::kHeadDim, config.head_dim);
  config.norm_eps = get.positive_or("attention.layer_norm_rms_epsilon", 1e-6f);
  config.n_buckets = get.count_or("attention.relative_buckets_count", Limits::kBuckets, 32);
  config.farthest = 128;  // that of every published T5; the format has no key for it
  check_buckets(config, get, "attention.relative_buckets_count");
  config.is_gated = source.gguf->find("enc.blk.0.ffn_gate.weight").has_value();
  config.activation = config.is_gated ? Activation::gelu_tanh : Activation::relu;
  return config;
}

std::vector<WeightName> names_in_gguf() {
  return {
      {"output_norm", "enc.output_norm"},         {"attn_rel_b", "enc.blk.0.attn_rel_b"},
      {"blk.*.attn_norm", "enc.blk.*.attn_norm"}, {"blk.*.attn_q", "enc.blk.*.attn_q"},
      {"blk.*.attn_k", "enc.blk.*.attn_k"},       {"blk.*.attn_v", "enc.blk.*.attn_v"},
      {"blk.*.attn_output", "enc.blk.*.attn_o"},  {"blk.*.ffn_norm", "enc.blk.*.ffn_norm"},
      {"blk.*.ffn_gate", "enc.blk.*.ffn_gate"},   {"blk.*.ffn_up", "enc.blk.*.ffn_up"},
      {"blk.*.ffn_down", "enc.blk.*.ffn_down"},
  };
}

std::vector<WeightName> names(const EncoderConfig& config, bool is_shared) {
  std::vector<WeightName> all = {
      {"token_embd", is_shared ? "shared" : "encoder.embed_tokens"},
      {"output_norm", "encoder.final_layer_norm"},
      {"attn_rel_b", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias"},
      {"blk.*.attn_norm", "encoder.block.*.layer.0.layer_norm"},
      {"blk.*.attn_q", "encoder.block.*.layer.0.SelfAttention.q"},
      {"blk.*.attn_k", "encoder.block.*.layer.0.SelfAttention.k"},
      {"blk.*.attn_v", "encoder.block.*.layer.0.SelfAttention.v"},
      {"blk.*.attn_output", "encoder.block.*.layer.0.SelfAttention.o"},
      {"blk.*.ffn_norm", "encoder.block.*.layer.1.layer_norm"},
      {"blk.*.ffn_down", "encoder.block.*.layer.1.DenseReluDense.wo"},
  };
  if (config.is_gated) {
    all.push_back({"blk.*.ffn_gate", "encoder.block.*.layer.1.DenseReluDense.wi_0"});
    all.push_back({"blk.*.ffn_up", "encoder.block.*.layer.1.DenseReluDense.wi_1"});
  } else {
    all.push_back({"blk.*.ffn_up", "encoder.block.*.layer.1.DenseReluDense.wi"});
  }
  return all;
}

}  // namespace

std::unique_ptr<Model> make_t5_encoder(const ModelSource& source, std::string_view name) {
  const bool is_gguf = source.gguf != nullptr;
  EncoderConfig config = is_gguf ? from_gguf(source, name) : from_json(source, name);
  config.norm = NormKind::rms;
  config.norms_first = true;
  config.attention_scale = 1;  // it went into the initial weights
  config.parts = {.embedding_norm = false, .norm_bias = false, .qkv_bias = false, .out_bias = false, .ffn_bias = false};
  const std::vector<WeightName> table =
      is_gguf ? names_in_gguf() : names(config, source.weights.find("shared.weight").has_value());
  return make_encoder(std::move(config), source, table);
}

}  // namespace tidemill
