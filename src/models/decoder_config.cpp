#include "models/decoder_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "tensor/dequantize.h"

namespace tidemill {
namespace {

// Frequencies divided one by one, by other numbers in texts longer than the context that a model was first trained
// for, and a factor on the scores.  Ding et al. 2024, arXiv:2402.13753.
void read_longrope(const JsonConfig& get, const JsonConfig& section, RopeConfig& rope) {
  constexpr std::string_view kOriginal = "original_max_position_embeddings";
  const int64_t context = get.count("max_position_embeddings", kMaxContext);
  rope.short_context = get.count_or(kOriginal, kMaxContext, section.count_or(kOriginal, kMaxContext, context));
  const auto divisors = [&](std::string_view name) {
    std::vector<float> found = section.positives(name);
    if (std::ssize(found) != rope.n_rotated / 2)
      section.fail(name,
                   "has " + std::to_string(found.size()) + " numbers, expected " + std::to_string(rope.n_rotated / 2));
    return found;
  };
  rope.divisors = divisors("short_factor");
  rope.long_divisors = divisors("long_factor");
  const auto first = static_cast<float>(rope.short_context);
  const bool has_first = get.has(kOriginal) || section.has(kOriginal);
  const float stretch = has_first ? static_cast<float>(context) / first : section.positive_or("factor", 1);
  const float on_scores = stretch <= 1 || first <= 1 ? 1.0f : std::sqrt(1 + std::log(stretch) / std::log(first));
  rope.attention_factor = section.positive_or("attention_factor", on_scores);
}

// The base grows with texts longer than the context that a model was trained for.  There, transformers' number of
// positions is the one to begin at, and the factor says how far it is meant to go.
void read_dynamic(const JsonConfig& get, const JsonConfig& section, RopeConfig& rope) {
  rope.growth = section.positive_or("factor", 1);
  if (rope.growth < 1) section.fail("factor", "is " + std::to_string(rope.growth) + ", expected at least 1");
  if (rope.growth == 1) return;
  if (rope.n_rotated < 4) section.fail("rope_type", "is 'dynamic', which needs at least 4 elements that rotate");
  rope.short_context = get.count("max_position_embeddings", kMaxContext);
}

// `section` is what holds the scaling, `get` the whole configuration.
void read_stretch(const JsonConfig& get, const JsonConfig& section, RopeConfig& rope) {
  const std::string type = section.has("rope_type") ? section.text("rope_type") : section.text_or("type", "default");
  if (type == "default") return;
  if (type == "longrope" || type == "su") return read_longrope(get, section, rope);
  if (type == "dynamic") return read_dynamic(get, section, rope);
  rope.factor = section.positive_or("factor", 1);
  const auto context = static_cast<float>(get.count("max_position_embeddings", kMaxContext));
  rope.original_context =
      std::min(section.positive_or("original_max_position_embeddings", context), static_cast<float>(kMaxContext));
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

// llama3 and longrope come as divisors.
void read_divisors(const GgufConfig& get, RopeConfig& rope) {
  const auto read = [&](std::string_view name) {
    std::vector<float> divisors;
    const auto found = get.file().find(name);
    if (!found) return divisors;
    if (found->n_elements() != rope.n_rotated / 2)
      get.fail("rope.dimension_count",
               "does not fit the divisors of the rotary embedding, " + found->shape().to_string());
    divisors.resize(static_cast<size_t>(rope.n_rotated / 2));
    dequantize(found->dtype(), found->data(), divisors);
    return divisors;
  };
  rope.divisors = read("rope_factors_short.weight");
  if (rope.divisors.empty()) {
    rope.divisors = read("rope_freqs.weight");
    return;
  }
  rope.long_divisors = read("rope_factors_long.weight");
  rope.short_context = get.count("rope.scaling.original_context_length", kMaxContext);
  if (rope.long_divisors.empty())
    get.fail("rope.scaling.original_context_length",
             "is there with rope_factors_short.weight, but rope_factors_long.weight is missing");
  rope.attention_factor = get.positive_or("rope.scaling.attn_factor", 1);
}

void read_stretch(const GgufConfig& get, RopeConfig& rope) {
  const std::string type = get.text_or("rope.scaling.type", get.has("rope.scaling.factor") ? "linear" : "none");
  rope.factor = get.positive_or("rope.scaling.factor", 1);
  if (type == "linear") {
    rope.stretch = RopeStretch::linear;
  } else if (type == "yarn") {
    rope.stretch = RopeStretch::yarn;
    const auto context = static_cast<float>(get.count("context_length", kMaxContext));
    rope.original_context =
        std::min(get.positive_or("rope.scaling.original_context_length", context), static_cast<float>(kMaxContext));
    rope.beta_fast = get.positive_or("rope.scaling.yarn_beta_fast", 32);
    rope.beta_slow = get.positive_or("rope.scaling.yarn_beta_slow", 1);
    rope.attention_factor = (0.1f * std::log(rope.factor) + 1) * get.positive_or("rope.scaling.attn_factor", 1.0f);
  } else if (type != "none" && type != "longrope") {  // the latter's divisors tell it, whether or not it is named
    get.fail("rope.scaling.type", "is '" + type + "', which is not known (none, linear, yarn and longrope are)");
  }
  read_divisors(get, rope);
}

// Dynamic scaling counts the positions that a model was trained for; it takes longer texts.
void lengthen_context(DecoderConfig& config) {
  const RopeConfig& rope = config.ropes[0];
  if (rope.growth == 1) return;
  const double length = static_cast<double>(rope.short_context) * double{rope.growth};
  config.model.context_length = static_cast<int64_t>(std::min(length, static_cast<double>(kMaxContext)));
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

int64_t rotated_count(const JsonConfig& get, int64_t head_dim, float share) {
  for (const std::string_view name : {"rope_scaling", "rope_parameters"})
    if (const auto section = get.section(name)) share = section->positive_or("partial_rotary_factor", share);
  share = get.positive_or("partial_rotary_factor", share);
  if (share > 1) get.fail("partial_rotary_factor", "is " + std::to_string(share) + ", expected at most 1");
  return static_cast<int64_t>(static_cast<float>(head_dim) * share);
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
  config.ropes = {rope_config(get, rotated_count(get, config.head_dim, rotated_share), 10000)};
  lengthen_context(config);
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
