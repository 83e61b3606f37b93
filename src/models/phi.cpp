// Phi-1, 1.5 (Li et al. 2023, arXiv:2309.05463) and 2: attention and feed-forward network side by side behind one layer
// norm, biases everywhere.  Reference: transformers, PhiForCausalLM.
#include "models/families.h"

namespace tidemill {
namespace {

DecoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  DecoderConfig config = decoder_config(get, std::string(name), 0.5f);
  config.activation = activation_named(get, "hidden_act", "gelu_new");
  config.norm_eps = get.positive_or("layer_norm_eps", 1e-5f);
  if (get.flag_or("qk_layernorm", false)) get.fail("qk_layernorm", "is true, which is not supported");
  return config;
}

DecoderConfig from_gguf(const ModelSource& source, std::string_view name) {
  DecoderConfig config = decoder_config(GgufConfig(*source.gguf, std::string(name)), std::string(name));
  config.activation = Activation::gelu_tanh;
  return config;
}

std::vector<WeightName> names() {
  return llama_names({
      {"output_norm", "model.final_layernorm"},
      {"blk.*.attn_output", "model.layers.*.self_attn.dense"},
      {"blk.*.ffn_up", "model.layers.*.mlp.fc1"},
      {"blk.*.ffn_down", "model.layers.*.mlp.fc2"},
  });
}

}  // namespace

std::unique_ptr<Model> make_phi(const ModelSource& source, std::string_view name) {
  const bool is_gguf = source.gguf != nullptr;
  DecoderConfig config = is_gguf ? from_gguf(source, name) : from_json(source, name);
  config.norm = NormKind::layer;
  config.is_gated = false;
  config.is_parallel = true;
  config.parts.ffn_norm = false;
  config.parts.norm_bias = config.parts.qkv_bias = config.parts.out_bias = config.parts.ffn_bias = true;
  config.parts.output_bias = true;
  return make_decoder(std::move(config), source, is_gguf ? gguf_names(*source.gguf) : names());
}

}  // namespace tidemill
