// GPT-NeoX and Pythia: attention and feed-forward network side by side, rotary embedding of part of a head.
// Black et al. 2022, arXiv:2204.06745.  Reference: transformers, GPTNeoXForCausalLM.
#include "models/families.h"

namespace tidemill {
namespace {

DecoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  DecoderConfig config = decoder_config(get, std::string(name));
  config.activation = activation_named(get, "hidden_act", "gelu");
  config.is_parallel = get.flag_or("use_parallel_residual", true);
  config.norm_eps = get.positive_or("layer_norm_eps", 1e-5f);
  config.parts.qkv_bias = config.parts.out_bias = get.flag_or("attention_bias", true);
  // Older files spell the rotary embedding in their own way.
  const int64_t n_rotated = rotated_count(get, config.head_dim, get.positive_or("rotary_pct", 0.25f));
  config.ropes[0] = rope_config(get, n_rotated, get.positive_or("rotary_emb_base", 10000));
  return config;
}

DecoderConfig from_gguf(const ModelSource& source, std::string_view name) {
  const GgufConfig get(*source.gguf, std::string(name));
  DecoderConfig config = decoder_config(get, std::string(name));
  config.activation = Activation::gelu;
  config.is_parallel = get.flag_or("use_parallel_residual", true);
  config.parts.qkv_bias = config.parts.out_bias = true;
  return config;
}

std::vector<WeightName> names() {
  return {
      {"token_embd", "gpt_neox.embed_in"},
      {"output_norm", "gpt_neox.final_layer_norm"},
      {"output", "embed_out"},
      {"blk.*.attn_norm", "gpt_neox.layers.*.input_layernorm"},
      {"blk.*.attn_q", "gpt_neox.layers.*.attention.query_key_value", Part::query_of_head},
      {"blk.*.attn_k", "gpt_neox.layers.*.attention.query_key_value", Part::key_of_head},
      {"blk.*.attn_v", "gpt_neox.layers.*.attention.query_key_value", Part::value_of_head},
      {"blk.*.attn_output", "gpt_neox.layers.*.attention.dense"},
      {"blk.*.ffn_norm", "gpt_neox.layers.*.post_attention_layernorm"},
      {"blk.*.ffn_up", "gpt_neox.layers.*.mlp.dense_h_to_4h"},
      {"blk.*.ffn_down", "gpt_neox.layers.*.mlp.dense_4h_to_h"},
  };
}

FileForm form(const DecoderConfig& config, const FileTarget& target) {
  if (config.activation != Activation::gelu) target.fail("its activation is not GELU");
  if (!config.parts.qkv_bias) target.fail("its attention has no biases");
  FileForm form = target.is_gguf() ? decoder_form(config, target, "gptneox", gguf_names(true))
                                   : decoder_form(config, target, "GPTNeoXForCausalLM", names());
  form.fields["use_parallel_residual"] = config.is_parallel;
  if (target.is_gguf()) return form;
  form.fields["model_type"] = "gpt_neox";
  // Its own words for the rotary embedding; the factor of which is a share of the head.
  form.fields["rotary_emb_base"] = form.fields["rope_theta"];
  form.fields["rotary_pct"] = form.fields.value("partial_rotary_factor", 1.0);
  form.fields["hidden_act"] = "gelu";
  return form;
}

}  // namespace

std::unique_ptr<Model> make_gptneox(const ModelSource& source, std::string_view name) {
  const bool is_gguf = source.gguf != nullptr;
  DecoderConfig config = is_gguf ? from_gguf(source, name) : from_json(source, name);
  config.norm = NormKind::layer;
  config.is_gated = false;
  config.parts.norm_bias = config.parts.ffn_bias = true;
  return make_decoder(std::move(config), source, is_gguf ? gguf_names(*source.gguf) : names(), form);
}

}  // namespace tidemill
