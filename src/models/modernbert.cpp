// ModernBERT: norms first, rotary embedding, gates, and layers of which most see a window only.
// Warner et al. 2024, arXiv:2412.13663.  Reference: transformers, ModernBertModel.
#include "models/families.h"

namespace tidemill {
namespace {

constexpr int64_t kMaxPeriod = 1024;

// The base of the rotary embedding of one kind of layers, in the newer form of the configuration or the older.
float rope_base(const JsonConfig& get, std::string_view kind, std::string_view older, float fallback) {
  const auto both = get.section("rope_parameters");
  const auto own = both ? both->section(kind) : both;
  return own ? own->positive_or("rope_theta", fallback) : get.positive_or(older, fallback);
}

EncoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get(*source.config, source.config_path + ": ");
  EncoderConfig config = encoder_config(get, name);
  config.activation = activation_named(get, "hidden_activation", "gelu");
  config.norm_eps = get.positive_or("norm_eps", 1e-5f);
  config.norms_first = true;
  config.is_gated = true;
  config.parts.norm_bias = get.flag_or("norm_bias", false);
  config.parts.qkv_bias = config.parts.out_bias = get.flag_or("attention_bias", false);
  config.parts.ffn_bias = get.flag_or("mlp_bias", false);
  const int64_t n = config.head_dim;
  config.ropes = {{.n_rotated = n, .base = rope_base(get, "full_attention", "global_rope_theta", 160000)},
                  {.n_rotated = n, .base = rope_base(get, "sliding_attention", "local_rope_theta", 10000)}};
  // Half of the local tokens are before the query, half after it.
  const int64_t window = get.count_or("local_attention", EncoderLimits::kContext, 128) / 2 + 1;
  const int64_t global_every = get.count_or("global_attn_every_n_layers", kMaxPeriod, 3);
  const std::vector<bool> slides = sliding_layers(get, config.layers.size());
  for (size_t index = 0; index < config.layers.size(); ++index) {
    const bool is_global = slides.empty() ? static_cast<int64_t>(index) % global_every == 0 : !slides[index];
    // What the first layer reads has just left the embedding's norm.
    config.layers[index] = {.window = is_global ? 0 : window, .rope = is_global ? 0 : 1, .has_attn_norm = index > 0};
  }
  return config;
}

std::vector<WeightName> names() {
  return {
      {"token_embd", "embeddings.tok_embeddings"},
      {"token_embd_norm", "embeddings.norm"},
      {"output_norm", "final_norm"},
      {"blk.*.attn_norm", "layers.*.attn_norm"},
      {"blk.*.attn_q", "layers.*.attn.Wqkv", Part::query},
      {"blk.*.attn_k", "layers.*.attn.Wqkv", Part::key},
      {"blk.*.attn_v", "layers.*.attn.Wqkv", Part::value},
      {"blk.*.attn_output", "layers.*.attn.Wo"},
      {"blk.*.ffn_norm", "layers.*.mlp_norm"},
      {"blk.*.ffn_gate", "layers.*.mlp.Wi", Part::first_half},
      {"blk.*.ffn_up", "layers.*.mlp.Wi", Part::second_half},
      {"blk.*.ffn_down", "layers.*.mlp.Wo"},
  };
}

}  // namespace

std::unique_ptr<Model> make_modernbert(const ModelSource& source, std::string_view name) {
  if (source.gguf != nullptr)
    throw Error(ErrorCode::unsupported, source.gguf->path() + ": ModernBERT is not read from GGUF; give its folder");
  return make_encoder(from_json(source, name), source, names(),
                      prefix_in(source, "model.", "embeddings.tok_embeddings.weight"));
}

}  // namespace tidemill
