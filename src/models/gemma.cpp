// Gemma 1 (Gemma Team 2024, arXiv:2403.08295), 2 (arXiv:2408.00118) and 3 (2025, arXiv:2503.19786), text: in 2 and 3
// layers that see a window and layers that see all positions take turns.  EmbeddingGemma (2025, arXiv:2509.20354) is a
// Gemma 3 that looks both ways.
// Reference: transformers, GemmaForCausalLM, Gemma2ForCausalLM, Gemma3ForCausalLM and Gemma3TextModel.
#include <algorithm>
#include <cmath>
#include <utility>

#include "models/families.h"
#include "models/text_part.h"

namespace tidemill {
namespace {

// What all have: the embedding's scale, the activation, norms after blocks from Gemma 2 on, q and k norms in Gemma 3.
void set_common(DecoderConfig& config, std::string_view name) {
  config.embedding_scale = std::sqrt(static_cast<float>(config.model.d_model));
  config.activation = Activation::gelu_tanh;  // whatever "hidden_act" says: the first files said it wrongly
  config.parts.norms_after = name != "gemma";
  config.qk_norm = name == "gemma" || name == "gemma2" ? QkNorm::none : QkNorm::per_head;
}

// EmbeddingGemma's layers look both ways; files say how wide the window is as a whole.
void set_both_ways(DecoderConfig& config) {
  config.both_ways = true;
  for (DecoderLayer& layer : config.layers)
    if (layer.window > 0) layer.window = layer.window / 2 + 1;
}

// Every `global_every`-th layer sees all positions.
void set_windows(DecoderConfig& config, int64_t window, int64_t global_every) {
  for (size_t index = 0; index < config.layers.size(); ++index) {
    const bool is_global = (static_cast<int64_t>(index) + 1) % global_every == 0;
    config.layers[index].window = is_global ? 0 : window;
  }
}

// Layers of Gemma 3 that slide have a rotary embedding of their own, the second.
void set_local_rope(DecoderConfig& config, const RopeConfig& local) {
  config.ropes.push_back(local);
  for (DecoderLayer& layer : config.layers) layer.rope = layer.window == 0 ? 0 : 1;
}

DecoderConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  DecoderConfig config = decoder_config(get, std::string(name));
  if (!get.has("head_dim")) {
    config.head_dim = 256;
    config.ropes[0].n_rotated = 256;
  }
  config.parts.output = !get.flag_or("tie_word_embeddings", true);
  config.parts.qkv_bias = config.parts.out_bias = get.flag_or("attention_bias", false);
  set_common(config, name);
  if (name == "gemma") return config;
  config.attention_scale = 1.0f / std::sqrt(get.positive_or("query_pre_attn_scalar", 256));
  config.score_cap = get.positive_or("attn_logit_softcapping", 0);
  config.logit_cap = get.positive_or("final_logit_softcapping", 0);
  const int64_t window = get.count_or("sliding_window", kMaxWindow, 4096);
  set_windows(config, window, name == "gemma2" ? 2 : get.count_or("sliding_window_pattern", kMaxLayers, 6));
  read_layer_types(get, config, window);
  if (name == "gemma2") return config;
  if (get.flag_or("use_bidirectional_attention", false)) {
    set_both_ways(config);
  } else {
    config.model.architecture = "gemma3";
  }
  // Newer files hold the embeddings of both kinds of layers under `rope_parameters`.
  const auto both = get.section("rope_parameters");
  const auto global = both ? both->section("full_attention") : both;
  const auto local = both ? both->section("sliding_attention") : both;
  config.ropes[0] =
      global ? rope_config_of(get, *global, config.head_dim, 1e6f) : rope_config(get, config.head_dim, 1e6f);
  const float local_base = local ? local->positive("rope_theta") : get.positive_or("rope_local_base_freq", 1e4f);
  set_local_rope(config, {.n_rotated = config.head_dim, .base = local_base});
  return config;
}

// What configurations of Gemma 3 models that see leave out of their text part: transformers' Gemma3TextConfig.
nlohmann::json text_defaults() {
  return {{"vocab_size", 262208},    {"hidden_size", 2304},      {"intermediate_size", 9216},
          {"num_hidden_layers", 26}, {"num_attention_heads", 8}, {"num_key_value_heads", 4},
          {"head_dim", 256},         {"rms_norm_eps", 1e-6},     {"max_position_embeddings", 131072},
          {"rope_theta", 1e6},       {"sliding_window", 4096}};
}

// query_pre_attn_scalar is head_dim in every published size but the 27B of both, where it is d_model / n_heads.
float published_scale(const DecoderConfig& config) {
  const bool is_27b = config.model.n_layers == (config.model.architecture == "gemma2" ? 46 : 62);
  const int64_t query_scalar = is_27b ? config.model.d_model / config.n_heads : config.head_dim;
  return 1.0f / std::sqrt(static_cast<float>(query_scalar));
}

DecoderConfig from_gguf(const ModelSource& source, std::string_view name) {
  const GgufConfig get(*source.gguf, std::string(name));
  DecoderConfig config = decoder_config(get, std::string(name));
  set_common(config, name);
  if (name == "gemma") return config;
  config.score_cap = name == "gemma2" ? get.positive_or("attn_logit_softcapping", 50) : 0;
  config.logit_cap = name == "gemma2" ? get.positive_or("final_logit_softcapping", 30) : 0;
  config.attention_scale = published_scale(config);
  const int64_t window = get.count_or("attention.sliding_window", kMaxWindow, 4096);
  set_windows(config, window, get.count_or("attention.sliding_window_pattern", kMaxLayers, name == "gemma2" ? 2 : 6));
  if (name == "gemma2") return config;
  if (name == "gemma-embedding") set_both_ways(config);
  config.ropes[0].base = get.positive_or("rope.freq_base", 1e6f);
  set_local_rope(config, {.n_rotated = config.head_dim, .base = get.positive_or("rope.freq_base_swa", 1e4f)});
  return config;
}

// transformers keeps the weights of norms less one; GGUF does not.
std::vector<WeightName> names(std::string_view name) {
  std::vector<WeightName> special = {
      {"output_norm", "model.norm", Part::whole, Change::less_one},
      {"blk.*.attn_norm", "model.layers.*.input_layernorm", Part::whole, Change::less_one},
      {"blk.*.attn_q_norm", "model.layers.*.self_attn.q_norm", Part::whole, Change::less_one},
      {"blk.*.attn_k_norm", "model.layers.*.self_attn.k_norm", Part::whole, Change::less_one},
  };
  if (name == "gemma") {
    special.push_back({"blk.*.ffn_norm", "model.layers.*.post_attention_layernorm", Part::whole, Change::less_one});
  } else {
    const auto norm = [&](std::string_view ours, std::string_view theirs) {
      special.push_back({ours, theirs, Part::whole, Change::less_one});
    };
    norm("blk.*.post_attention_norm", "model.layers.*.post_attention_layernorm");
    norm("blk.*.ffn_norm", "model.layers.*.pre_feedforward_layernorm");
    norm("blk.*.post_ffw_norm", "model.layers.*.post_feedforward_layernorm");
  }
  return llama_names(std::move(special));
}

// What GGUF says by the architecture's name alone must be so.
void write_to_gguf(const DecoderConfig& config, const FileTarget& target, FileForm& form) {
  const bool is_gemma2 = config.model.architecture == "gemma2";
  const int64_t window = config.layers.front().window;
  DecoderConfig published = config;
  set_windows(published, window, is_gemma2 ? 2 : 6);
  for (size_t index = 0; index < config.layers.size(); ++index) {
    if (published.layers[index].window != config.layers[index].window)
      target.fail("other layers see a window than in published models");
  }
  if (config.attention_scale != published_scale(config)) target.fail("its query_pre_attn_scalar is not head_dim");
  if (window > 0) form.fields["attention.sliding_window"] = window;
  if (is_gemma2) {
    form.fields["attn_logit_softcapping"] = config.score_cap;
    form.fields["final_logit_softcapping"] = config.logit_cap;
  } else {
    if (config.score_cap > 0 || config.logit_cap > 0) target.fail("it caps its logits");
    form.fields["rope.freq_base_swa"] = config.ropes[1].base;
  }
}

void write_to_json(const DecoderConfig& config, FileForm& form) {
  const bool is_gemma3 = config.model.architecture == "gemma3";
  form.fields["query_pre_attn_scalar"] = std::llround(1 / (config.attention_scale * config.attention_scale));
  form.fields["attn_logit_softcapping"] = config.score_cap > 0 ? nlohmann::ordered_json(config.score_cap) : nullptr;
  form.fields["final_logit_softcapping"] = config.logit_cap > 0 ? nlohmann::ordered_json(config.logit_cap) : nullptr;
  int64_t window = 0;
  for (const DecoderLayer& layer : config.layers) {
    window = std::max(window, layer.window);
    form.fields["layer_types"].push_back(layer.window > 0 ? "sliding_attention" : "full_attention");
  }
  form.fields["sliding_window"] = window > 0 ? window : 4096;
  if (!is_gemma3) return;
  form.fields["model_type"] = "gemma3_text";  // "gemma3" is one that sees, too
  form.fields["rope_local_base_freq"] = config.ropes[1].base;
}

FileForm form(const DecoderConfig& config, const FileTarget& target) {
  const std::string& name = config.model.architecture;
  if (target.is_gguf()) {
    FileForm form = decoder_form(config, target, name, gguf_names(false));
    if (name != "gemma") write_to_gguf(config, target, form);
    return form;
  }
  const std::string_view number = std::string_view(name).substr(std::string_view("gemma").size());
  FileForm form = decoder_form(config, target, "Gemma" + std::string(number) + "ForCausalLM", names(name));
  form.fields["hidden_act"] = form.fields["hidden_activation"] = "gelu_pytorch_tanh";
  form.fields["attention_bias"] = config.parts.qkv_bias;
  if (name != "gemma") write_to_json(config, form);
  return form;
}

}  // namespace

std::unique_ptr<Model> make_gemma(const ModelSource& source, std::string_view name) {
  if (source.gguf != nullptr) return make_decoder(from_gguf(source, name), source, gguf_names(*source.gguf), form);
  if (has_text_part(source)) {
    const TextPart part(source, text_defaults());
    return make_decoder(from_json(part.source(), name), part.source(), names(name), form);
  }
  return make_decoder(from_json(source, name), source, names(name), form);
}

}  // namespace tidemill
