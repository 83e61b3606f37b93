// The encoder of T5 (Raffel et al. 2020, arXiv:1910.10683), of its first version (ReLU) and of 1.1 (gated).
// Reference: transformers, T5EncoderModel.
#include "models/families.h"

namespace tidemill {
namespace {

using Limits = EncoderLimits;

EncoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get(*source.config, source.config_path + ": ");
  EncoderConfig config;
  config.model = {.architecture = std::string(name),
                  .vocab_size = get.count("vocab_size", Limits::kVocab),
                  .context_length = get.count_or("n_positions", Limits::kContext, 512),
                  .d_model = get.count("d_model", Limits::kWidth),
                  .n_layers = get.count("num_layers", Limits::kLayers)};
  config.n_heads = get.count("num_heads", Limits::kHeads);
  config.head_dim = get.count("d_kv", Limits::kHeadDim);
  config.d_ff = get.count("d_ff", Limits::kHidden);
  config.norm = NormKind::rms;
  config.norm_eps = get.positive_or("layer_norm_epsilon", 1e-6f);
  config.norms_first = true;
  config.attention_scale = 1;  // it went into the initial weights
  config.parts = {.embedding_norm = false, .norm_bias = false, .qkv_bias = false, .out_bias = false, .ffn_bias = false};
  config.n_buckets = get.count_or("relative_attention_num_buckets", Limits::kBuckets, 32);
  config.farthest = get.count_or("relative_attention_max_distance", Limits::kDistance, 128);
  if (config.n_buckets < 4 || config.farthest <= config.n_buckets / 4)
    get.fail("relative_attention_num_buckets", "is " + std::to_string(config.n_buckets) + " for distances up to " +
                                                   std::to_string(config.farthest) +
                                                   ", expected 4 or more, and less than four times that distance");
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
  if (source.gguf != nullptr)
    throw Error(ErrorCode::unsupported, source.gguf->path() + ": T5 is not read from GGUF; give its folder");
  EncoderConfig config = from_json(source, name);
  const std::vector<WeightName> table = names(config, source.weights.find("shared.weight").has_value());
  return make_encoder(std::move(config), source, table);
}

}  // namespace tidemill
