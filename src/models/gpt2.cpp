// GPT-2.  Radford et al. 2019, "Language Models are Unsupervised Multitask Learners".
// Reference: transformers, GPT2LMHeadModel.
#include "models/families.h"

namespace tidemill {
namespace {

void set_common(DecoderConfig& config) {
  config.norm = NormKind::layer;
  config.is_gated = false;
  config.ropes.clear();
  for (DecoderLayer& layer : config.layers) layer.rope = -1;
  config.parts.norm_bias = config.parts.qkv_bias = config.parts.out_bias = config.parts.ffn_bias = true;
  config.parts.learned_positions = true;
}

DecoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  DecoderConfig config;
  config.model = {.architecture = std::string(name),
                  .vocab_size = get.count("vocab_size", kMaxVocab),
                  .context_length = get.count("n_positions", kMaxContext),
                  .d_model = get.count("n_embd", kMaxWidth),
                  .n_layers = get.count("n_layer", kMaxLayers)};
  config.n_heads = config.n_kv_heads = get.count("n_head", kMaxHeads);
  config.head_dim = config.model.d_model / config.n_heads;
  config.d_ff = get.count_or("n_inner", kMaxHidden, 4 * config.model.d_model);
  config.norm_eps = get.positive_or("layer_norm_epsilon", 1e-5f);
  config.activation = activation_named(get, "activation_function", "gelu_new");
  config.parts.output = !get.flag_or("tie_word_embeddings", true);
  config.layers.resize(static_cast<size_t>(config.model.n_layers));
  if (get.flag_or("scale_attn_by_inverse_layer_idx", false))
    get.fail("scale_attn_by_inverse_layer_idx", "is true, which is not supported");
  return config;
}

DecoderConfig from_gguf(const ModelSource& source, std::string_view name) {
  DecoderConfig config = decoder_config(GgufConfig(*source.gguf, std::string(name)), std::string(name));
  config.activation = Activation::gelu_tanh;
  return config;
}

// The first files, and those of the authors, have no "transformer." before the names.
std::vector<WeightName> names() {
  return {
      {"token_embd", "transformer.wte"},
      {"position_embd", "transformer.wpe"},
      {"output_norm", "transformer.ln_f"},
      {"output", "lm_head"},
      {"blk.*.attn_norm", "transformer.h.*.ln_1"},
      {"blk.*.attn_q", "transformer.h.*.attn.c_attn", Part::query, Change::transposed},
      {"blk.*.attn_k", "transformer.h.*.attn.c_attn", Part::key, Change::transposed},
      {"blk.*.attn_v", "transformer.h.*.attn.c_attn", Part::value, Change::transposed},
      {"blk.*.attn_output", "transformer.h.*.attn.c_proj", Part::whole, Change::transposed},
      {"blk.*.ffn_norm", "transformer.h.*.ln_2"},
      {"blk.*.ffn_up", "transformer.h.*.mlp.c_fc", Part::whole, Change::transposed},
      {"blk.*.ffn_down", "transformer.h.*.mlp.c_proj", Part::whole, Change::transposed},
  };
}

FileForm form(const DecoderConfig& config, const FileTarget& target) {
  if (config.activation != Activation::gelu_tanh) target.fail("its activation is not GELU's approximation");
  if (target.is_gguf()) return decoder_form(config, target, "gpt2", gguf_names(true));
  FileForm form = decoder_form(config, target, "GPT2LMHeadModel", names());
  const nlohmann::ordered_json common = std::move(form.fields);
  // GPT-2 has its own words for what others share.
  form.fields = {{"model_type", "gpt2"},
                 {"n_layer", common["num_hidden_layers"]},
                 {"n_embd", common["hidden_size"]},
                 {"n_positions", common["max_position_embeddings"]},
                 {"n_head", common["num_attention_heads"]},
                 {"n_inner", common["intermediate_size"]},
                 {"layer_norm_epsilon", common["layer_norm_eps"]},
                 {"vocab_size", common["vocab_size"]},
                 {"tie_word_embeddings", common["tie_word_embeddings"]},
                 {"activation_function", "gelu_new"}};
  return form;
}

}  // namespace

std::unique_ptr<Model> make_gpt2(const ModelSource& source, std::string_view name) {
  const bool is_gguf = source.gguf != nullptr;
  DecoderConfig config = is_gguf ? from_gguf(source, name) : from_json(source, name);
  set_common(config);
  return make_decoder(std::move(config), source, is_gguf ? gguf_names(*source.gguf) : names(), form);
}

}  // namespace tidemill
