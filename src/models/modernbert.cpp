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

// All layers slide but the first and every `global_every`-th after it.
std::vector<bool> sliding_between(int64_t global_every, const EncoderConfig& config) {
  std::vector<bool> slides;
  for (int64_t index = 0; index < config.model.n_layers; ++index) slides.push_back(index % global_every != 0);
  return slides;
}

// Half of the `local` positions that a sliding layer sees are before the query, half after it.
void set_layers(EncoderConfig& config, const std::vector<bool>& slides, int64_t local) {
  for (size_t index = 0; index < slides.size(); ++index) {
    // What the first layer reads has just left the embedding's norm.
    config.layers[index] = {
        .window = slides[index] ? local / 2 + 1 : 0, .rope = slides[index] ? 1 : 0, .has_attn_norm = index > 0};
  }
}

EncoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  EncoderConfig config = encoder_config(get, name);
  config.activation = activation_named(get, "hidden_activation", "gelu");
  config.norm_eps = get.positive_or("norm_eps", 1e-5f);
  config.parts.norm_bias = get.flag_or("norm_bias", false);
  config.parts.qkv_bias = config.parts.out_bias = get.flag_or("attention_bias", false);
  config.parts.ffn_bias = get.flag_or("mlp_bias", false);
  const auto rope = [&](float base) { return RopeConfig{.n_rotated = config.head_dim, .base = base}; };
  config.ropes = {rope(rope_base(get, "full_attention", "global_rope_theta", 160000)),
                  rope(rope_base(get, "sliding_attention", "local_rope_theta", 10000))};
  std::vector<bool> slides = layers_of_type(get, config.layers.size(), "sliding_attention");
  if (slides.empty()) slides = sliding_between(get.count_or("global_attn_every_n_layers", kMaxPeriod, 3), config);
  set_layers(config, slides, get.count_or("local_attention", EncoderLimits::kContext, 128));
  return config;
}

EncoderConfig from_gguf(const ModelSource& source, std::string_view name) {
  const GgufConfig get(*source.gguf, std::string(name));
  EncoderConfig config = encoder_config(get, name);
  config.parts.norm_bias = config.parts.qkv_bias = config.parts.out_bias = config.parts.ffn_bias = false;
  const auto rope = [&](float base) { return RopeConfig{.n_rotated = config.head_dim, .base = base}; };
  config.ropes = {rope(get.positive_or("rope.freq_base", 160000)), rope(get.positive_or("rope.freq_base_swa", 10000))};
  set_layers(config, sliding_between(get.count_or("attention.sliding_window_pattern", kMaxPeriod, 3), config),
             get.count_or("attention.sliding_window", EncoderLimits::kContext, 128));
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

std::vector<WeightName> names_in_gguf(const GgufFile& file) {
  std::vector<WeightName> all = gguf_names(file);
  all.push_back({"blk.*.ffn_gate", "blk.*.ffn_up", Part::first_half});
  all.push_back({"blk.*.ffn_up", "blk.*.ffn_up", Part::second_half});
  return all;
}

}  // namespace

std::unique_ptr<Model> make_modernbert(const ModelSource& source, std::string_view name) {
  const bool is_gguf = source.gguf != nullptr;
  EncoderConfig config = is_gguf ? from_gguf(source, name) : from_json(source, name);
  config.norms_first = true;
  config.is_gated = true;
  if (is_gguf) return make_encoder(std::move(config), source, names_in_gguf(*source.gguf));
  return make_encoder(std::move(config), source, names(),
                      prefix_in(source, "model.", "embeddings.tok_embeddings.weight"));
}

}  // namespace tidemill
