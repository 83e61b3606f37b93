// Llama 1 to 3 (Touvron et al. 2023, arXiv:2302.13971), Mistral (Jiang et al. 2023, arXiv:2310.06825), Mixtral (Jiang
// et al. 2024, arXiv:2401.04088) and SmolLM 3.  Reference: transformers, LlamaForCausalLM and its likes.
#include <iterator>

#include "models/families.h"

namespace tidemill {
namespace {

DecoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  DecoderConfig config = decoder_config(get, std::string(name));
  config.activation = activation_named(get, "hidden_act", "silu");
  config.parts.qkv_bias = config.parts.out_bias = get.flag_or("attention_bias", false);
  config.parts.ffn_bias = get.flag_or("mlp_bias", false);
  if (name == "mistral" || name == "mixtral") {
    for (DecoderLayer& layer : config.layers) layer.window = get.count_or("sliding_window", kMaxWindow, 0);
  }
  if (name == "mixtral") {
    config.n_experts = get.count("num_local_experts", kMaxExperts);
    config.n_experts_used = get.count("num_experts_per_tok", config.n_experts);
    config.d_expert = config.d_ff;
    for (DecoderLayer& layer : config.layers) layer.has_experts = true;
  }
  if (get.has("no_rope_layers")) {
    const std::vector<int64_t> has_rope = get.integers("no_rope_layers");
    if (has_rope.size() != config.layers.size()) get.fail("no_rope_layers", "does not have an entry for each layer");
    for (size_t index = 0; index < has_rope.size(); ++index) config.layers[index].rope = has_rope[index] != 0 ? 0 : -1;
  }
  return config;
}

DecoderConfig from_gguf(const ModelSource& source, std::string_view name) {
  const GgufConfig get(*source.gguf, std::string(name));
  DecoderConfig config = decoder_config(get, std::string(name));
  // The converter puts the elements that rotate together side by side.
  config.rope_pairs = RopePairs::adjacent;
  config.parts.out_bias = source.gguf->find("blk.0.attn_output.bias").has_value();
  config.parts.ffn_bias = source.gguf->find("blk.0.ffn_down.bias").has_value();
  for (size_t index = 0; index < config.layers.size(); ++index) {
    config.layers[index].window = get.count_or("attention.sliding_window", kMaxWindow, 0);
    if (name == "smollm3" && (index + 1) % 4 == 0) config.layers[index].rope = -1;
  }
  return config;
}

}  // namespace

std::vector<WeightName> llama_names(std::vector<WeightName> special) {
  constexpr WeightName kNames[] = {
      {"token_embd", "model.embed_tokens"},
      {"output_norm", "model.norm"},
      {"output", "lm_head"},
      {"blk.*.attn_norm", "model.layers.*.input_layernorm"},
      {"blk.*.attn_q", "model.layers.*.self_attn.q_proj"},
      {"blk.*.attn_k", "model.layers.*.self_attn.k_proj"},
      {"blk.*.attn_v", "model.layers.*.self_attn.v_proj"},
      {"blk.*.attn_q_norm", "model.layers.*.self_attn.q_norm"},
      {"blk.*.attn_k_norm", "model.layers.*.self_attn.k_norm"},
      {"blk.*.attn_output", "model.layers.*.self_attn.o_proj"},
      {"blk.*.ffn_norm", "model.layers.*.post_attention_layernorm"},
      {"blk.*.ffn_gate", "model.layers.*.mlp.gate_proj"},
      {"blk.*.ffn_up", "model.layers.*.mlp.up_proj"},
      {"blk.*.ffn_down", "model.layers.*.mlp.down_proj"},
      // Mixtral
      {"blk.*.ffn_gate_inp", "model.layers.*.block_sparse_moe.gate"},
      {"blk.*.ffn_gate.*", "model.layers.*.block_sparse_moe.experts.*.w1"},
      {"blk.*.ffn_down.*", "model.layers.*.block_sparse_moe.experts.*.w2"},
      {"blk.*.ffn_up.*", "model.layers.*.block_sparse_moe.experts.*.w3"},
  };
  special.insert(special.end(), std::begin(kNames), std::end(kNames));
  return special;
}

std::vector<WeightName> gguf_names(const GgufFile& file) {
  std::vector<WeightName> names;
  if (file.find("blk.0.attn_qkv.weight")) {
    names.push_back({"blk.*.attn_q", "blk.*.attn_qkv", Part::query});
    names.push_back({"blk.*.attn_k", "blk.*.attn_qkv", Part::key});
    names.push_back({"blk.*.attn_v", "blk.*.attn_qkv", Part::value});
  }
  if (file.find("blk.0.ffn_gate_inp_shexp.weight"))
    names.push_back({"blk.*.ffn_gate_inp_shexp", "blk.*.ffn_gate_inp_shexp", Part::whole, Change::flattened});
  if (file.find("blk.0.ffn_gate_exps.weight")) {
    names.push_back({"blk.*.ffn_gate.*", "blk.*.ffn_gate_exps"});
    names.push_back({"blk.*.ffn_up.*", "blk.*.ffn_up_exps"});
    names.push_back({"blk.*.ffn_down.*", "blk.*.ffn_down_exps"});
  }
  return names;
}

std::unique_ptr<Model> make_llama(const ModelSource& source, std::string_view name) {
  if (source.gguf != nullptr) return make_decoder(from_gguf(source, name), source, gguf_names(*source.gguf));
  return make_decoder(from_json(source, name), source, llama_names());
}

}  // namespace tidemill
