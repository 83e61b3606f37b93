// NomicBERT: BERT with rotary embedding, gates and no biases.  Nussbaum et al. 2024, arXiv:2402.01613.
// Reference: transformers, NomicBertModel; files from before it was part of that are read as well.
#include "models/families.h"

namespace tidemill {
namespace {

using Limits = EncoderLimits;

// The configuration as the authors' own code writes it, after GPT-2's.
EncoderConfig first_form(const JsonConfig& get, std::string_view name) {
  EncoderConfig config;
  config.model = {.architecture = std::string(name),
                  .vocab_size = get.count("vocab_size", Limits::kVocab),
                  .context_length = get.count("n_positions", Limits::kContext),
                  .d_model = get.count("n_embd", Limits::kWidth),
                  .n_layers = get.count("n_layer", Limits::kLayers)};
  config.n_heads = get.count("n_head", Limits::kHeads);
  config.head_dim = config.model.d_model / config.n_heads;
  config.d_ff = get.count_or("n_inner", Limits::kHidden, 4 * config.model.d_model);
  config.norm_eps = get.positive_or("layer_norm_epsilon", 1e-12f);
  config.ropes = {{.n_rotated = config.head_dim, .base = get.positive_or("rotary_emb_base", 1000)}};
  config.layers.resize(static_cast<size_t>(config.model.n_layers));
  if (const std::string kind = get.text_or("activation_function", "swiglu"); kind != "swiglu")
    get.fail("activation_function", "is '" + kind + "', which is not supported (swiglu is)");
  const auto refuse_flag = [&](std::string_view field, bool usual) {
    if (get.flag_or(field, usual) != usual)
      get.fail(field, usual ? "is false, which is not supported" : "is true, which is not supported");
  };
  for (const std::string_view field : {"qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias", "prenorm",
                                       "rotary_emb_interleaved", "use_rms_norm", "parallel_block", "causal"}) {
    refuse_flag(field, false);
  }
  if (get.has("rotary_scaling_factor")) get.fail("rotary_scaling_factor", "is not supported");
  if (get.positive_or("rotary_emb_fraction", 1) != 1)
    get.fail("rotary_emb_fraction", "is not 1, which is not supported");
  return config;
}

EncoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  const bool is_first_form = get.has("n_embd");
  EncoderConfig config = is_first_form ? first_form(get, name) : encoder_config(get, name);
  config.n_types = get.count_or("type_vocab_size", Limits::kTypes, 2);
  if (is_first_form) {
    config.activation = Activation::silu;
  } else {
    config.activation = activation_named(get, "hidden_act", "silu");
    config.ropes = {rope_config(get, config.head_dim, 1000)};
  }
  return config;
}

EncoderConfig from_gguf(const ModelSource& source, std::string_view name) {
  const GgufConfig get(*source.gguf, std::string(name));
  EncoderConfig config = encoder_config(get, name);
  config.activation = Activation::silu;
  config.ropes = {{.n_rotated = config.head_dim, .base = get.positive_or("rope.freq_base", 1000)}};
  return config;
}

std::vector<WeightName> names() {
  return {
      {"token_embd", "embeddings.word_embeddings"},
      {"token_types", "embeddings.token_type_embeddings"},
      {"token_embd_norm", "emb_ln"},
      {"blk.*.attn_q", "encoder.layers.*.attn.Wqkv", Part::query},
      {"blk.*.attn_k", "encoder.layers.*.attn.Wqkv", Part::key},
      {"blk.*.attn_v", "encoder.layers.*.attn.Wqkv", Part::value},
      {"blk.*.attn_output", "encoder.layers.*.attn.out_proj"},
      {"blk.*.attn_output_norm", "encoder.layers.*.norm1"},
      {"blk.*.ffn_up", "encoder.layers.*.mlp.fc11"},
      {"blk.*.ffn_gate", "encoder.layers.*.mlp.fc12"},
      {"blk.*.ffn_down", "encoder.layers.*.mlp.fc2"},
      {"blk.*.layer_output_norm", "encoder.layers.*.norm2"},
  };
}

}  // namespace

std::unique_ptr<Model> make_nomic_bert(const ModelSource& source, std::string_view name) {
  const bool is_gguf = source.gguf != nullptr;
  EncoderConfig config = is_gguf ? from_gguf(source, name) : from_json(source, name);
  config.is_gated = true;
  config.parts.qkv_bias = config.parts.out_bias = config.parts.ffn_bias = false;
  for (EncoderLayer& layer : config.layers) layer.rope = 0;
  return make_encoder(std::move(config), source, is_gguf ? gguf_names(*source.gguf) : names());
}

}  // namespace tidemill
