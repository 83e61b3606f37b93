// Phi-3 and Phi-4 mini.  Abdin et al. 2024, arXiv:2404.14219.  Reference: transformers, Phi3ForCausalLM.
#include "models/families.h"

namespace tidemill {
namespace {

DecoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  DecoderConfig config = decoder_config(get, std::string(name));
  config.activation = activation_named(get, "hidden_act", "silu");
  for (DecoderLayer& layer : config.layers) layer.window = get.count_or("sliding_window", kMaxWindow, 0);
  return config;
}

// Projections of one input are joined, in files of both kinds.
std::vector<WeightName> with_joined_ffn(std::vector<WeightName> names) {
  names.push_back({"blk.*.ffn_gate", "blk.*.ffn_up", Part::first_half});
  names.push_back({"blk.*.ffn_up", "blk.*.ffn_up", Part::second_half});
  return names;
}

std::vector<WeightName> names() {
  return llama_names({
      {"blk.*.attn_q", "model.layers.*.self_attn.qkv_proj", Part::query},
      {"blk.*.attn_k", "model.layers.*.self_attn.qkv_proj", Part::key},
      {"blk.*.attn_v", "model.layers.*.self_attn.qkv_proj", Part::value},
      {"blk.*.ffn_gate", "model.layers.*.mlp.gate_up_proj", Part::first_half},
      {"blk.*.ffn_up", "model.layers.*.mlp.gate_up_proj", Part::second_half},
  });
}

FileForm form(const DecoderConfig& config, const FileTarget& target) {
  const int64_t window = common_window(config, target);
  if (config.activation != Activation::silu) target.fail("its activation is not SiLU");
  FileForm form = target.is_gguf() ? decoder_form(config, target, "phi3", with_joined_ffn(gguf_names(true)))
                                   : decoder_form(config, target, "Phi3ForCausalLM", names());
  if (window > 0) form.fields[target.is_gguf() ? "attention.sliding_window" : "sliding_window"] = window;
  if (!target.is_gguf()) form.fields["hidden_act"] = "silu";
  return form;
}

}  // namespace

std::unique_ptr<Model> make_phi3(const ModelSource& source, std::string_view name) {
  DecoderConfig config;
  if (source.gguf != nullptr) {
    const GgufConfig get(*source.gguf, std::string(name));
    config = decoder_config(get, std::string(name));
    for (DecoderLayer& layer : config.layers) layer.window = get.count_or("attention.sliding_window", kMaxWindow, 0);
  } else {
    config = from_json(source, name);
  }
  return make_decoder(std::move(config), source,
                      source.gguf != nullptr ? with_joined_ffn(gguf_names(*source.gguf)) : names(), form);
}

}  // namespace tidemill
