// GLM-4 in the layouts of 2024 (GLM Team 2024, arXiv:2406.12793) and 2025, which has norms behind the blocks too: half
// of each head rotates, by pairs side by side.  Reference: transformers, GlmForCausalLM and Glm4ForCausalLM.
#include "models/families.h"

namespace tidemill {
namespace {

DecoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  DecoderConfig config = decoder_config(get, std::string(name), 0.5f);
  config.activation = activation_named(get, "hidden_act", "silu");
  config.parts.qkv_bias = get.flag_or("attention_bias", true);
  return config;
}

// Gate and up are joined, in files of both kinds.
std::vector<WeightName> names(const ModelSource& source, std::string_view name) {
  if (source.gguf != nullptr) {
    std::vector<WeightName> all = gguf_names(*source.gguf);
    all.push_back({"blk.*.ffn_gate", "blk.*.ffn_up", Part::first_half});
    all.push_back({"blk.*.ffn_up", "blk.*.ffn_up", Part::second_half});
    return all;
  }
  std::vector<WeightName> special = {
      {"blk.*.ffn_gate", "model.layers.*.mlp.gate_up_proj", Part::first_half},
      {"blk.*.ffn_up", "model.layers.*.mlp.gate_up_proj", Part::second_half},
  };
  if (name == "glm4") {
    special.push_back({"blk.*.post_attention_norm", "model.layers.*.post_self_attn_layernorm"});
    special.push_back({"blk.*.post_ffw_norm", "model.layers.*.post_mlp_layernorm"});
  }
  return llama_names(std::move(special));
}

}  // namespace

std::unique_ptr<Model> make_glm(const ModelSource& source, std::string_view name) {
  DecoderConfig config = source.gguf != nullptr
                             ? decoder_config(GgufConfig(*source.gguf, std::string(name)), std::string(name))
                             : from_json(source, name);
  config.rope_pairs = RopePairs::adjacent;
  config.parts.norms_after = name == "glm4";
  return make_decoder(std::move(config), source, names(source, name));
}

}  // namespace tidemill
