// Qwen 2 (Yang et al. 2024, arXiv:2407.10671) and 3 (Yang et al. 2025, arXiv:2505.09388), with and without experts.
// Reference: transformers, Qwen2ForCausalLM, Qwen2MoeForCausalLM, Qwen3ForCausalLM and Qwen3MoeForCausalLM.
#include <algorithm>
#include <iterator>

#include "models/families.h"

namespace tidemill {
namespace {

bool is_second(std::string_view name) {
  return name.starts_with("qwen2");
}

// Layers that slide: by name in newer files, from one layer on in older ones.
void read_windows(const JsonConfig& get, DecoderConfig& config) {
  if (!get.flag_or("use_sliding_window", false)) return;
  const int64_t window = get.count_or("sliding_window", kMaxWindow, 4096);
  const auto first = static_cast<size_t>(get.count_or("max_window_layers", kMaxLayers, 28));
  for (size_t index = first; index < config.layers.size(); ++index) config.layers[index].window = window;
  read_layer_types(get, config, window);
}

DecoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  DecoderConfig config = decoder_config(get, std::string(name));
  config.activation = activation_named(get, "hidden_act", "silu");
  config.parts.qkv_bias = is_second(name) ? get.flag_or("qkv_bias", true) : get.flag_or("attention_bias", false);
  config.parts.out_bias = !is_second(name) && get.flag_or("attention_bias", false);
  read_windows(get, config);
  if (name.ends_with("moe")) read_qwen_experts(get, config);
  return config;
}

}  // namespace

// Which layers have experts: every `decoder_sparse_step`-th, but those listed.
void read_qwen_experts(const JsonConfig& get, DecoderConfig& config) {
  config.n_experts = get.count("num_experts", kMaxExperts);
  config.n_experts_used = get.count("num_experts_per_tok", config.n_experts);
  config.d_expert = get.count_or("moe_intermediate_size", kMaxHidden, config.d_ff);
  config.router =
      get.flag_or("norm_topk_prob", false) ? RouterWeights::softmax_of_chosen : RouterWeights::softmax_of_all;
  const std::vector<int64_t> dense =
      get.has("mlp_only_layers") ? get.integers("mlp_only_layers") : std::vector<int64_t>();
  const int64_t step = get.count_or("decoder_sparse_step", kMaxLayers, 1);
  for (int64_t index = 0; index < config.model.n_layers; ++index) {
    const bool is_dense = std::find(dense.begin(), dense.end(), index) != dense.end();
    config.layers[static_cast<size_t>(index)].has_experts = !is_dense && (index + 1) % step == 0;
  }
  config.d_shared = get.count_or("shared_expert_intermediate_size", kMaxHidden, 0);
  config.parts.shared_router = config.d_shared > 0;
}

std::vector<WeightName> qwen_names(std::vector<WeightName> special) {
  constexpr WeightName kNames[] = {
      {"blk.*.ffn_gate_inp", "model.layers.*.mlp.gate"},
      {"blk.*.ffn_gate.*", "model.layers.*.mlp.experts.*.gate_proj"},
      {"blk.*.ffn_up.*", "model.layers.*.mlp.experts.*.up_proj"},
      {"blk.*.ffn_down.*", "model.layers.*.mlp.experts.*.down_proj"},
      {"blk.*.ffn_gate_shexp", "model.layers.*.mlp.shared_expert.gate_proj"},
      {"blk.*.ffn_up_shexp", "model.layers.*.mlp.shared_expert.up_proj"},
      {"blk.*.ffn_down_shexp", "model.layers.*.mlp.shared_expert.down_proj"},
      {"blk.*.ffn_gate_inp_shexp", "model.layers.*.mlp.shared_expert_gate"},
  };
  special.insert(special.end(), std::begin(kNames), std::end(kNames));
  return llama_names(std::move(special));
}

namespace {

FileForm form(const DecoderConfig& config, const FileTarget& target) {
  const std::string& name = config.model.architecture;
  if (config.activation != Activation::silu) target.fail("its activation is not SiLU");
  if (target.is_gguf()) {
    if (common_window(config, target) > 0) target.fail("its layers see a window");
    return decoder_form(config, target, name, gguf_names(false));
  }
  const bool has_experts = config.n_experts > 0;
  FileForm form = decoder_form(config, target,
                               name == "qwen2" ? "Qwen2ForCausalLM"
                               : has_experts   ? "Qwen3MoeForCausalLM"
                                               : "Qwen3ForCausalLM",
                               qwen_names());
  form.fields["hidden_act"] = "silu";
  if (name != "qwen2") form.fields["attention_bias"] = config.parts.qkv_bias;
  if (has_experts) {
    form.fields["model_type"] = "qwen3_moe";
    form.fields["num_experts"] = config.n_experts;
    form.fields["num_experts_per_tok"] = config.n_experts_used;
    form.fields["moe_intermediate_size"] = config.d_expert;
    form.fields["norm_topk_prob"] = true;
    form.fields["decoder_sparse_step"] = 1;
    form.fields["mlp_only_layers"] = nlohmann::json::array();
  }
  return form;
}

}  // namespace

std::unique_ptr<Model> make_qwen(const ModelSource& source, std::string_view name) {
  const bool is_gguf = source.gguf != nullptr;
  DecoderConfig config = is_gguf ? decoder_config(GgufConfig(*source.gguf, std::string(name)), std::string(name))
                                 : from_json(source, name);
  if (is_gguf && name == "qwen2moe") config.router = RouterWeights::softmax_of_all;
  if (!is_second(name)) config.qk_norm = QkNorm::per_head;
  // Experts beside a shared one are not written as another file yet.
  return make_decoder(std::move(config), source, is_gguf ? gguf_names(*source.gguf) : qwen_names(),
                      name == "qwen2moe" ? nullptr : form);
}

}  // namespace tidemill
