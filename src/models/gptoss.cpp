// gpt-oss: a sink in every head's softmax, layers with and without a window in turn, experts with biases and clamped
// gates. OpenAI 2025, arXiv:2508.10925.  Reference: transformers, GptOssForCausalLM.
#include "models/families.h"

namespace tidemill {
namespace {

DecoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  DecoderConfig config = decoder_config(get, std::string(name));
  // The kernel knows the published constants only.
  for (const auto& [field, value] : {std::pair("swiglu_limit", 7.0f), std::pair("swiglu_alpha", 1.702f)}) {
    if (get.positive_or(field, value) != value) get.fail(field, "is not " + std::to_string(value));
  }
  config.parts.qkv_bias = config.parts.out_bias = get.flag_or("attention_bias", true);
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

DecoderConfig from_gguf(const ModelSource& source, std::string_view name) {
  const GgufConfig get(*source.gguf, "gpt-oss");
  DecoderConfig config = decoder_config(get, std::string(name));
  config.parts.qkv_bias = config.parts.out_bias = true;
  config.ropes[0].truncate = false;  // the format has no key for it
  const int64_t window = get.count_or("attention.sliding_window", kMaxWindow, 128);
  for (size_t index = 0; index < config.layers.size(); index += 2) config.layers[index].window = window;
  return config;
}

// Gate and up are joined row by row, and all experts of a layer are stacked: as MXFP4 in the published files, else as
// plain numbers, transposed.
std::vector<WeightName> names(bool is_mxfp4) {
  constexpr std::string_view kGateUp = "model.layers.*.mlp.experts.gate_up_proj";
  constexpr std::string_view kGateUpBias = "model.layers.*.mlp.experts.gate_up_proj_bias";
  const Change change = is_mxfp4 ? Change::mxfp4 : Change::transposed;
  return llama_names({
      {"blk.*.attn_sinks.weight", "model.layers.*.self_attn.sinks"},
      {"blk.*.ffn_gate_inp", "model.layers.*.mlp.router"},
      {"blk.*.ffn_gate.*.weight", kGateUp, Part::even_rows, change},
      {"blk.*.ffn_up.*.weight", kGateUp, Part::odd_rows, change},
      {"blk.*.ffn_gate.*.bias", kGateUpBias, Part::even_rows},
      {"blk.*.ffn_up.*.bias", kGateUpBias, Part::odd_rows},
      {"blk.*.ffn_down.*.weight", "model.layers.*.mlp.experts.down_proj", Part::whole, change},
      {"blk.*.ffn_down.*.bias", "model.layers.*.mlp.experts.down_proj_bias"},
  });
}

std::vector<WeightName> names_in_gguf(const GgufFile& file) {
  std::vector<WeightName> all = gguf_names(file);
  all.push_back({"blk.*.ffn_norm", "blk.*.post_attention_norm"});
  return all;
}

}  // namespace

std::unique_ptr<Model> make_gptoss(const ModelSource& source, std::string_view name) {
  const bool is_gguf = source.gguf != nullptr;
  DecoderConfig config = is_gguf ? from_gguf(source, name) : from_json(source, name);
  config.activation = Activation::clamped_swiglu;
  config.parts.router_bias = config.parts.expert_bias = config.parts.sinks = true;
  if (is_gguf) return make_decoder(std::move(config), source, names_in_gguf(*source.gguf));
  return make_decoder(std::move(config), source,
                      names(source.weights.find("model.layers.0.mlp.experts.gate_up_proj_blocks").has_value()));
}

}  // namespace tidemill
