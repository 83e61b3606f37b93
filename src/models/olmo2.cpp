// OLMo 2 (OLMo Team 2024, arXiv:2501.00656): norms behind the blocks in place of before them, and over all heads of q
// and k together; OLMoE (Muennighoff et al. 2024, arXiv:2409.02060): the latter, and experts.
// Reference: transformers, Olmo2ForCausalLM and OlmoeForCausalLM.
#include "models/families.h"

namespace tidemill {
namespace {

std::vector<WeightName> names(std::string_view name) {
  if (name == "olmoe") return qwen_names();
  return llama_names({
      {"blk.*.post_attention_norm", "model.layers.*.post_attention_layernorm"},
      {"blk.*.post_ffw_norm", "model.layers.*.post_feedforward_layernorm"},
  });
}

DecoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  DecoderConfig config = decoder_config(get, std::string(name));
  config.activation = activation_named(get, "hidden_act", "silu");
  config.parts.qkv_bias = config.parts.out_bias = get.flag_or("attention_bias", false);
  if (get.has("clip_qkv")) get.fail("clip_qkv", "is there, which is not supported");
  if (name == "olmoe") read_qwen_experts(get, config);
  return config;
}

FileForm form(const DecoderConfig& config, const FileTarget& target) {
  if (config.activation != Activation::silu) target.fail("its activation is not SiLU");
  if (target.is_gguf()) return decoder_form(config, target, "olmo2", gguf_names(false));
  FileForm form = decoder_form(config, target, "Olmo2ForCausalLM", names("olmo2"));
  form.fields["hidden_act"] = "silu";
  form.fields["attention_bias"] = config.parts.qkv_bias;
  return form;
}

}  // namespace

std::unique_ptr<Model> make_olmo2(const ModelSource& source, std::string_view name) {
  const bool is_gguf = source.gguf != nullptr;
  DecoderConfig config = is_gguf ? decoder_config(GgufConfig(*source.gguf, std::string(name)), std::string(name))
                                 : from_json(source, name);
  config.parts.norms_before = name == "olmoe";
  config.parts.norms_after = name == "olmo2";
  if (is_gguf && name == "olmoe") config.router = RouterWeights::softmax_of_all;
  config.qk_norm = QkNorm::whole;
  // OLMoE is not written as another file yet.
  return make_decoder(std::move(config), source, is_gguf ? gguf_names(*source.gguf) : names(name),
                      name == "olmo2" ? form : nullptr);
}

}  // namespace tidemill
