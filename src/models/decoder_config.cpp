#include "models/decoder_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "tensor/dequantize.h"

namespace tidemill {
namespace {

// Frequencies divided one by one, by other numbers past the context that a model was first trained for, and a factor on
// the scores; this reads what holds up to that context.  Ding et al. 2024, arXiv:2402.13753.
void read_longrope(const JsonConfig& get, const JsonConfig& section, RopeConfig& rope) {
  const int64_t context = get.count("max_position_embeddings", kMaxContext);
  rope.longest = get.count_or("original_max_position_embeddings", kMaxContext,
                              section.count_or("original_max_position_embeddings", kMaxContext, context));
  rope.divisors = section.positives("short_factor");
  if (std::ssize(rope.divisors) != rope.n_rotated / 2)
    section.fail("short_factor", "has " + std::to_string(rope.divisors.size()) + " numbers, expected " +
                                     std::to_string(rope.n_rotated / 2));
  const float stretch = static_cast<float>(context) / static_cast<float>(rope.longest);
  const float on_scores =
      stretch <= 1 ? 1.0f : std::sqrt(1 + std::log(stretch) / std::log(static_cast<float>(rope.longest)));
  rope.attention_factor = section.positive_or("attention_factor", on_scores);
}

// `section` is what holds the scaling, `get` the whole configuration.
void read_stretch(const JsonConfig& get, const JsonConfig& section, RopeConfig& rope) {
  const std::string type = section.has("rope_type") ? section.text("rope_type") : section.text_or("type", "default");
  if (type == "default") return;
  if (type == "longrope" || type == "su") return read_longrope(get, section, rope);
  if (type == "dynamic") return;  // frequencies change only past the context that the model was trained for
  rope.factor = section.positive_or("factor", 1);
  const auto context = static_cast<float>(get.count("max_position_embeddings", kMaxContext));
  rope.original_context = section.positive_or("original_max_position_embeddings", context);
  if (type == "linear") {
    rope.stretch = RopeStretch::linear;
  } else if (type == "llama3") {
    rope.stretch = RopeStretch::llama3;
    rope.low_freq_factor = section.positive("low_freq_factor");
    rope.high_freq_factor = section.positive("high_freq_factor");
  } else if (type == "yarn") {
    rope.stretch = RopeStretch::yarn;
    if (!section.has("factor")) rope.factor = context / rope.original_context;
    rope.beta_fast = section.positive_or("beta_fast", 32);
    rope.beta_slow = section.positive_or("beta_slow", 1);
    rope.truncate = section.flag_or("truncate", true);
    rope.attention_factor = section.positive_or("attention_factor", 0);
    if (section.has("mscale") && section.has("mscale_all_dim")) {
      const auto scale = [&](float m) { return rope.factor <= 1 ? 1.0f : 0.1f * m * std::log(rope.factor) + 1.0f; };
      rope.attention_factor = scale(section.positive("mscale")) / scale(section.positive("mscale_all_dim"));
    }
  } else {
    section.fail("rope_type",
                 "is '" + type + "', which is not known (default, linear, dynamic, llama3, yarn and longrope are)");
  }
}

void read_stretch(const GgufConfig& get, RopeConfig& rope) {
  const std::string type = get.text_or("rope.scaling.type", get.has("rope.scaling.factor") ? "linear" : "none");
  rope.factor = get.positive_or("rope.scaling.factor", 1);
  if (type == "linear") {
    rope.stretch = RopeStretch::linear;
  } else if (type == "yarn") {
    rope.stretch = RopeStretch::yarn;
    rope.original_context = get.positive_or("rope.scaling.original_context_length",
                                            static_cast<float>(get.count("context_length", kMaxContext)));
    rope.beta_fast = get.positive_or("rope.scaling.yarn_beta_fast", 32);
    rope.beta_slow = get.positive_or("rope.scaling.yarn_beta_slow", 1);
    rope.attention_factor = (0.1f * std::log(rope.factor) + 1) * get.positive_or("rope.scaling.attn_factor", 1.0f);
  } else if (type != "none") {
    get.fail("rope.scaling.type", "is '" + type + "', which is not known (none, linear and yarn are)");
  }
  // llama3 and longrope come as divisors; the latter hold up to the context that the model was first trained for.
  auto divisors = get.file().find("rope_freqs.weight");
  if (const auto short_ones = get.file().find("rope_factors_short.weight")) {
    divisors = short_ones;
    rope.longest = get.count("rope.scaling.original_context_length", kMaxContext);
    rope.attention_factor = get.positive_or("rope.scaling.attn_factor", 1);
  }
  if (!divisors) return;
  if (divisors->n_elements() != rope.n_rotated / 2)
    get.fail("rope.dimension_count",
             "does not fit the divisors of the rotary embedding, " + divisors->shape().to_string());
  rope.divisors.resize(static_cast<size_t>(rope.n_rotated / 2));
  dequantize(divisors->dtype(), divisors->data(), rope.divisors);
}

// To what the rotary embedding is right for.
void cap_context(DecoderConfig& config) {
  if (const int64_t longest = config.ropes[0].longest; longest > 0)
    config.model.context_length = std::min(config.model.context_length, longest);
}

constexpr CountField kCounts[] = {
    {"num_hidden_layers", "block_count", kMaxLayers, [](DecoderConfig& c) -> int64_t& { return c.model.n_layers; }},
    {"hidden_size", "embedding_length", kMaxWidth, [](DecoderConfig& c) -> int64_t& { return c.model.d_model; }},
    {"max_position_embeddings", "context_length", kMaxContext,
     [](DecoderConfig& c) -> int64_t& { return c.model.context_length; }},
    {"num_attention_heads", "attention.head_count", kMaxHeads, [](DecoderConfig& c) -> int64_t& { return c.n_heads; }},
    {"intermediate_size", "feed_forward_length", kMaxHidden, [](DecoderConfig& c) -> int64_t& { return c.d_ff; },
     "block_ff_dim"},  // LFM2
};

}  // namespace

std::span<const CountField> decoder_counts() {
  return kCounts;
}

RopeConfig rope_config_of(const JsonConfig& get, const JsonConfig& section, int64_t n_rotated, float default_base) {
  RopeConfig rope{.n_rotated = n_rotated, .base = section.positive_or("rope_theta", default_base)};
  read_stretch(get, section, rope);
  return rope;
}

RopeConfig rope_config(const JsonConfig& get, int64_t n_rotated, float default_base) {
  const float base = get.positive_or("rope_theta", default_base);
  for (const std::string_view name : {"rope_scaling", "rope_parameters"}) {
    if (const auto section = get.section(name)) return rope_config_of(get, *section, n_rotated, base);
  }
  return {.n_rotated = n_rotated, .base = base};
}

Activation activation_named(const JsonConfig& get, std::string_view field, std::string_view fallback) {
  return activation_called(get, field, get.text_or(field, fallback));
}

Activation activation_called(const JsonConfig& get, std::string_view field, std::string_view name) {
  constexpr std::pair<std::string_view, Activation> kNames[] = {
      {"silu", Activation::silu},          {"swish", Activation::silu},
      {"gelu", Activation::gelu},          {"gelu_pytorch_tanh", Activation::gelu_tanh},
      {"gelu_new", Activation::gelu_tanh}, {"gelu_fast", Activation::gelu_tanh},
      {"relu", Activation::relu},          {"relu2", Activation::relu_squared},
  };
  for (const auto& [known, activation] : kNames)
    if (known == name) return activation;
  get.fail(field, "is '" + std::string(name) + "', an activation that is not known");
}

DecoderConfig decoder_config(const JsonConfig& get, std::string architecture, float rotated_share) {
  DecoderConfig config;
  config.model.architecture = std::move(architecture);
  read_counts(get, kCounts, config);
  config.model.vocab_size = get.count("vocab_size", kMaxVocab);
  config.n_kv_heads = get.count_or("num_key_value_heads", kMaxHeads, config.n_heads);
  config.head_dim = get.count_or("head_dim", kMaxHeadDim, config.model.d_model / config.n_heads);
  const float layer_norm_eps = get.positive_or("layer_norm_eps", 1e-6f);
  config.norm_eps = get.positive_or("rms_norm_eps", get.positive_or("norm_eps", layer_norm_eps));
  config.parts.output = !get.flag_or("tie_word_embeddings", false);
  config.parts.output_optional = !get.has("tie_word_embeddings");
  for (const std::string_view name : {"rope_scaling", "rope_parameters"})
    if (const auto section = get.section(name))
      rotated_share = section->positive_or("partial_rotary_factor", rotated_share);
  const float share = get.positive_or("partial_rotary_factor", rotated_share);
  if (share > 1) get.fail("partial_rotary_factor", "is " + std::to_string(share) + ", expected at most 1");
  const auto n_rotated = static_cast<int64_t>(static_cast<float>(config.head_dim) * share);
  config.ropes = {rope_config(get, n_rotated, 10000)};
  cap_context(config);
  config.layers.resize(static_cast<size_t>(config.model.n_layers));
  return config;
}

DecoderConfig decoder_config(const GgufConfig& get, std::string architecture) {
  DecoderConfig config;
  const auto embedding = get.file().find("token_embd.weight");
  config.model.architecture = std::move(architecture);
  read_counts(get, kCounts, config);
  config.model.vocab_size = embedding && embedding->shape().rank() == 2 ? embedding->dim(0) : 0;
  config.n_kv_heads = get.greatest_count_or("attention.head_count_kv", kMaxHeads, config.n_heads);
  config.head_dim = get.count_or("attention.key_length", kMaxHeadDim, config.model.d_model / config.n_heads);
  if (get.count_or("attention.value_length", kMaxHeadDim, config.head_dim) != config.head_dim)
    get.fail("attention.value_length", "is not attention.key_length, which is not supported");
  config.norm_eps = get.has("attention.layer_norm_rms_epsilon")
                        ? get.positive("attention.layer_norm_rms_epsilon")
                        : get.positive_or("attention.layer_norm_epsilon", 1e-5f);
  config.parts.output = get.file().find("output.weight").has_value();
  config.parts.qkv_bias = get.file().find("blk.0.attn_q.bias").has_value();
  config.ropes = {{.n_rotated = get.count_or("rope.dimension_count", kMaxHeadDim, config.head_dim),
                   .base = get.positive_or("rope.freq_base", 10000)}};
  read_stretch(get, config.ropes[0]);
  cap_context(config);
  config.n_experts = get.count_or("expert_count", kMaxExperts, 0);
  config.n_experts_used = get.count_or("expert_used_count", kMaxExperts, 0);
  config.d_expert = get.count_or("expert_feed_forward_length", kMaxHidden, config.d_ff);
  config.d_shared = get.count_or("expert_shared_feed_forward_length", kMaxHidden, 0);
  config.parts.shared_router = get.file().find("blk.0.ffn_gate_inp_shexp.weight").has_value();
  config.layers.resize(static_cast<size_t>(config.model.n_layers));
  for (DecoderLayer& layer : config.layers) layer.has_experts = config.n_experts > 0;
  return config;
}

void read_layer_types(const JsonConfig& get, DecoderConfig& config, int64_t window) {
  const std::vector<bool> slides = layers_of_type(get, config.layers.size(), "sliding_attention");
  for (size_t index = 0; index < slides.size(); ++index) config.layers[index].window = slides[index] ? window : 0;
}

std::vector<bool> layers_of_type(const JsonConfig& get, size_t n_layers, std::string_view type) {
  if (!get.has("layer_types")) return {};
  const std::vector<std::string> types = get.texts("layer_types");
  if (types.size() != n_layers)
    get.fail("layer_types",
             "has " + std::to_string(types.size()) + " entries for " + std::to_string(n_layers) + " layers");
  std::vector<bool> is_of_type;
  for (const std::string& found : types) {
    if (found != type && found != "full_attention")
      get.fail("layer_types", "holds '" + found + "', which this architecture does not have");
    is_of_type.push_back(found == type);
  }
  return is_of_type;
}

void check_heads(const DecoderConfig& config, const std::string& where) {
  const RopeConfig& rope = config.ropes.empty() ? RopeConfig() : config.ropes[0];
  const bool has_rope = !config.ropes.empty();
  if (config.head_dim > 0 && config.n_heads % config.n_kv_heads == 0 &&
      (!has_rope || (rope.n_rotated > 0 && rope.n_rotated % 2 == 0 && rope.n_rotated <= config.head_dim)))
    return;
  throw Error(ErrorCode::bad_file, where + ": attention has " + std::to_string(config.n_heads) + " heads, " +
                                       std::to_string(config.n_kv_heads) + " kv heads, head_dim " +
                                       std::to_string(config.head_dim) + ", of which " +
                                       std::to_string(rope.n_rotated) +
                                       " rotate; expected a multiple, and an even number that rotates");
}

}  // namespace tidemill
