// gpt-oss: a sink in every head's softmax, layers with and without a window in turn, experts with biases and clamped
// gates. OpenAI 2025, arXiv:2508.10925.  Reference: transformers, GptOssForCausalLM.
#include "models/families.h"

namespace tidemill {
namespace {

DecoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  DecoderConfig config = decoder_config(get, std::string(name));
  config.activation = Activation::clamped_swiglu;
  // The kernel knows the published constants only.
  for (const auto& [field, value] : {std::pair("swiglu_limit", 7.0f), std::pair("swiglu_alpha", 1.702f)}) {
    if (get.positive_or(field, value) != value) get.fail(field, "is not " + std::to_string(value));
  }
  config.parts.qkv_bias = config.parts.out_bias = get.flag_or("attention_bias", true);
  config.parts.router_bias = config.parts.expert_bias = config.parts.sinks = true;
  config.n_experts = get.count("num_local_experts", kMaxExperts);
  config.n_experts_used = get.count("num_experts_per_tok", config.n_experts);
  config.d_expert = config.d_ff;
  const int64_t window = get.count_or("sliding_window", kMaxWindow, 128);
  for (size_t index = 0; index < config.layers.size(); ++index) {
    config.layers[index].has_experts = true;
    config.layers[index].window = index % 2 == 0 ? window : 0;
  }
  read_layer_types(get, config, window);
  return config;
}

// Gate and up are joined row by row, and all experts of a layer are stacked.
std::vector<WeightName> names() {
  constexpr std::string_view kGateUp = "model.layers.*.mlp.experts.gate_up_proj";
  constexpr std::string_view kGateUpBias = "model.layers.*.mlp.experts.gate_up_proj_bias";
  return llama_names({
      {"blk.*.attn_sinks.weight", "model.layers.*.self_attn.sinks"},
      {"blk.*.ffn_gate_inp", "model.layers.*.mlp.router"},
      {"blk.*.ffn_gate.*.weight", kGateUp, Part::even_rows, Change::transposed},
      {"blk.*.ffn_up.*.weight", kGateUp, Part::odd_rows, Change::transposed},
      {"blk.*.ffn_gate.*.bias", kGateUpBias, Part::even_rows},
      {"blk.*.ffn_up.*.bias", kGateUpBias, Part::odd_rows},
      {"blk.*.ffn_down.*.weight", "model.layers.*.mlp.experts.down_proj", Part::whole, Change::transposed},
      {"blk.*.ffn_down.*.bias", "model.layers.*.mlp.experts.down_proj_bias"},
  });
}

}  // namespace

std::unique_ptr<Model> make_gptoss(const ModelSource& source, std::string_view name) {
  return make_decoder(from_json(source, name), source, names());
}

}  // namespace tidemill
