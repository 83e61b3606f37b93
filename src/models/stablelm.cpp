// StableLM 2 (Bellagente et al. 2024, arXiv:2402.17834): Llama with layer norms and rotary embedding of a quarter of a
// head; attention and feed-forward network may stand side by side behind one norm.
// Reference: transformers, StableLmForCausalLM.
#include "models/families.h"

namespace tidemill {
namespace {

DecoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  DecoderConfig config = decoder_config(get, std::string(name), 0.25f);
  config.activation = activation_named(get, "hidden_act", "silu");
  config.norm_eps = get.positive_or("layer_norm_eps", 1e-5f);
  config.is_parallel = get.flag_or("use_parallel_residual", false);
  config.parts.qkv_bias = get.flag_or("use_qkv_bias", false);
  if (get.flag_or("qk_layernorm", false)) get.fail("qk_layernorm", "is true, which is not supported");
  return config;
}

DecoderConfig from_gguf(const ModelSource& source, std::string_view name) {
  const GgufConfig get(*source.gguf, std::string(name));
  DecoderConfig config = decoder_config(get, std::string(name));
  config.is_parallel = get.flag_or("use_parallel_residual", false);
  return config;
}

}  // namespace

std::unique_ptr<Model> make_stablelm(const ModelSource& source, std::string_view name) {
  const bool is_gguf = source.gguf != nullptr;
  DecoderConfig config = is_gguf ? from_gguf(source, name) : from_json(source, name);
  config.norm = NormKind::layer;
  config.parts.norm_bias = true;
  config.parts.ffn_norm = !config.is_parallel;
  return make_decoder(std::move(config), source, is_gguf ? gguf_names(*source.gguf) : llama_names());
}

}  // namespace tidemill
