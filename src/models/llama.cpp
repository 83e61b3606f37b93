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

// What transformers calls such a model.
struct PublishedName {
  std::string_view class_name, model_type;
};

PublishedName published_name(const DecoderConfig& config) {
  if (config.model.architecture == "smollm3") return {"SmolLM3ForCausalLM", "smollm3"};
  if (config.n_experts > 0) return {"MixtralForCausalLM", "mixtral"};
  if (config.layers.front().window > 0) return {"MistralForCausalLM", "mistral"};
  return {"LlamaForCausalLM", "llama"};
}

FileForm form(const DecoderConfig& config, const FileTarget& target) {
  const bool is_smollm3 = config.model.architecture == "smollm3";
  const int64_t window = common_window(config, target);
  if (config.activation != Activation::silu) target.fail("its activation is not SiLU");
  if (!target.is_gguf()) {
    const PublishedName name = published_name(config);
    FileForm form = decoder_form(config, target, name.class_name, llama_names());
    form.fields["model_type"] = name.model_type;
    form.pairs_in_file = RopePairs::halves;
    form.fields["hidden_act"] = "silu";
    form.fields["attention_bias"] = config.parts.qkv_bias;
    if (config.parts.ffn_bias) form.fields["mlp_bias"] = true;
    if (is_smollm3) {
      for (const DecoderLayer& layer : config.layers) form.fields["no_rope_layers"].push_back(layer.rope < 0 ? 0 : 1);
    }
    if (window > 0) form.fields["sliding_window"] = window;
    if (config.n_experts > 0) {
      form.fields["num_local_experts"] = config.n_experts;
      form.fields["num_experts_per_tok"] = config.n_experts_used;
    }
    return form;
  }
  FileForm form = decoder_form(config, target, is_smollm3 ? "smollm3" : "llama", gguf_names(false));
  form.pairs_in_file = RopePairs::adjacent;
  if (window > 0) form.fields["attention.sliding_window"] = window;
  if (config.ropes[0].n_rotated != config.head_dim) target.fail("only a part of each head rotates");
  for (size_t index = 0; index < config.layers.size(); ++index) {
    const bool rotates = !is_smollm3 || (index + 1) % 4 != 0;
    if ((config.layers[index].rope >= 0) != rotates) target.fail("other layers rotate than in published models");
  }
  return form;
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

std::vector<WeightName> gguf_names(bool is_joined, bool is_stacked) {
  std::vector<WeightName> names;
  if (is_joined) {
    names.push_back({"blk.*.attn_q", "blk.*.attn_qkv", Part::query});
    names.push_back({"blk.*.attn_k", "blk.*.attn_qkv", Part::key});
    names.push_back({"blk.*.attn_v", "blk.*.attn_qkv", Part::value});
  }
  if (is_stacked) {
    names.push_back({"blk.*.ffn_gate.*", "blk.*.ffn_gate_exps"});
    names.push_back({"blk.*.ffn_up.*", "blk.*.ffn_up_exps"});
    names.push_back({"blk.*.ffn_down.*", "blk.*.ffn_down_exps"});
  }
  return names;
}

std::vector<WeightName> gguf_names(const GgufFile& file) {
  std::vector<WeightName> names =
      gguf_names(file.find("blk.0.attn_qkv.weight").has_value(), file.find("blk.0.ffn_gate_exps.weight").has_value());
  if (file.find("blk.0.ffn_gate_inp_shexp.weight"))
    names.push_back({"blk.*.ffn_gate_inp_shexp", "blk.*.ffn_gate_inp_shexp", Part::whole, Change::flattened});
  return names;
}

std::unique_ptr<Model> make_llama(const ModelSource& source, std::string_view name) {
  if (source.gguf != nullptr) return make_decoder(from_gguf(source, name), source, gguf_names(*source.gguf), form);
  return make_decoder(from_json(source, name), source, llama_names(), form);
}

}  // namespace tidemill
