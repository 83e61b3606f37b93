// Granite 3 and 4 without Mamba: Llama with factors on the embedding, on what blocks add, on scores and on logits;
// experts whose two halves are joined.  Reference: transformers, GraniteForCausalLM, GraniteMoeForCausalLM and
// GraniteMoeHybridForCausalLM.
#include "models/families.h"

namespace tidemill {
namespace {

// Of Granite 4, whose layers may have Mamba 2 in place of attention, experts, and one network that all rows go to.
void read_fourth(const ModelSource& source, DecoderConfig& config) {
  const JsonConfig get = json_config(source);
  if (get.has("layer_types")) {
    for (const std::string& type : get.texts("layer_types"))
      if (type != "attention") get.fail("layer_types", "holds '" + type + "', which is not supported");
  }
  if (const auto n_experts = source.config->find("num_local_experts");
      n_experts != source.config->end() && !n_experts->is_null() && *n_experts != 0)
    get.fail("num_local_experts", "is " + n_experts->dump() + ", which is not supported");
  config.d_ff = get.count_or("shared_intermediate_size", kMaxHidden, 1024);
  if (get.text_or("position_embedding_type", "nope") == "rope") return;
  for (DecoderLayer& layer : config.layers) layer.rope = -1;
}

void read_experts(const JsonConfig& get, DecoderConfig& config) {
  config.n_experts = get.count("num_local_experts", kMaxExperts);
  config.n_experts_used = get.count("num_experts_per_tok", config.n_experts);
  config.d_expert = config.d_ff;
  for (DecoderLayer& layer : config.layers) layer.has_experts = true;
}

DecoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  DecoderConfig config = decoder_config(get, std::string(name));
  config.activation = activation_named(get, "hidden_act", "silu");
  config.parts.qkv_bias = config.parts.out_bias = get.flag_or("attention_bias", false);
  config.parts.ffn_bias = get.flag_or("mlp_bias", false);
  config.embedding_scale = get.positive_or("embedding_multiplier", 1);
  config.residual_scale = get.positive_or("residual_multiplier", 1);
  config.attention_scale = get.positive_or("attention_multiplier", 1);
  config.logit_scale = 1 / get.positive_or("logits_scaling", 1);
  if (name == "granitemoe") read_experts(get, config);
  if (name == "granitehybrid") read_fourth(source, config);
  return config;
}

DecoderConfig from_gguf(const ModelSource& source, std::string_view name) {
  const GgufConfig get(*source.gguf, std::string(name));
  DecoderConfig config = decoder_config(get, std::string(name));
  config.rope_pairs = RopePairs::adjacent;  // as the converter writes it, like Llama
  config.embedding_scale = get.positive_or("embedding_scale", 1);
  config.residual_scale = get.positive_or("residual_scale", 1);
  config.attention_scale = get.positive_or("attention.scale", 0);
  config.logit_scale = 1 / get.positive_or("logit_scale", 1);
  return config;
}

std::vector<WeightName> names() {
  constexpr std::string_view kExperts = "model.layers.*.block_sparse_moe.input_linear";
  constexpr std::string_view kShared = "model.layers.*.shared_mlp.input_linear";
  return {
      {"blk.*.ffn_gate_inp", "model.layers.*.block_sparse_moe.router.layer"},
      {"blk.*.ffn_gate.*", kExperts, Part::first_half},
      {"blk.*.ffn_up.*", kExperts, Part::second_half},
      {"blk.*.ffn_down.*", "model.layers.*.block_sparse_moe.output_linear"},
      {"blk.*.ffn_gate", kShared, Part::first_half},
      {"blk.*.ffn_up", kShared, Part::second_half},
      {"blk.*.ffn_down", "model.layers.*.shared_mlp.output_linear"},
  };
}

}  // namespace

std::unique_ptr<Model> make_granite(const ModelSource& source, std::string_view name) {
  if (source.gguf != nullptr) return make_decoder(from_gguf(source, name), source, gguf_names(*source.gguf));
  return make_decoder(from_json(source, name), source,
                      llama_names(name == "granite" ? std::vector<WeightName>() : names()));
}

}  // namespace tidemill
