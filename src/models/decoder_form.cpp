// A decoder's configuration in the words of GGUF and of config.json: decoder_config.cpp read the other way.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "models/decoder_config.h"

namespace tidemill {
namespace {

using nlohmann::ordered_json;

// The number that the fewest digits stand for: 1e-6, not 9.99999997e-07.
double shortest(float number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  double result = number;
  std::from_chars(text, end, result);
  return result;
}

// What each frequency was divided by against those without a stretch.
std::vector<float> divisors_of(const RopeConfig& rope) {
  const RopeConfig plain{.n_rotated = rope.n_rotated, .base = rope.base};
  std::vector<float> divisors = rope_frequencies(plain).inv_freq;
  const std::vector<float> stretched = rope_frequencies(rope).inv_freq;
  for (size_t pair = 0; pair < divisors.size(); ++pair) divisors[pair] /= stretched[pair];
  return divisors;
}

void write_rope_to_gguf(const RopeConfig& rope, const FileTarget& target, FileForm& form) {
  form.fields["rope.dimension_count"] = rope.n_rotated;
  form.fields["rope.freq_base"] = shortest(rope.base);
  if (rope.growth > 1) target.fail("its rotary embedding is of the kind dynamic");
  if (!rope.long_divisors.empty()) {
    form.fields["rope.scaling.type"] = "longrope";
    form.fields["rope.scaling.original_context_length"] = rope.short_context;
    form.fields["rope.scaling.attn_factor"] = shortest(rope.attention_factor);
    form.tables.emplace_back("rope_factors_short.weight", rope.divisors);
    form.tables.emplace_back("rope_factors_long.weight", rope.long_divisors);
  } else if (rope.stretch == RopeStretch::llama3 || !rope.divisors.empty()) {
    form.tables.emplace_back("rope_freqs.weight", divisors_of(rope));
  } else if (rope.stretch == RopeStretch::linear) {
    form.fields["rope.scaling.type"] = "linear";
    form.fields["rope.scaling.factor"] = shortest(rope.factor);
  } else if (rope.stretch == RopeStretch::yarn) {
    if (!rope.truncate) target.fail("its rotary embedding is yarn's without rounded ends");
    form.fields["rope.scaling.type"] = "yarn";
    form.fields["rope.scaling.factor"] = shortest(rope.factor);
    form.fields["rope.scaling.original_context_length"] = static_cast<int64_t>(rope.original_context);
    form.fields["rope.scaling.yarn_beta_fast"] = shortest(rope.beta_fast);
    form.fields["rope.scaling.yarn_beta_slow"] = shortest(rope.beta_slow);
    const float usual = 0.1f * std::log(rope.factor) + 1;
    if (rope.attention_factor > 0) form.fields["rope.scaling.attn_factor"] = shortest(rope.attention_factor / usual);
  }
}

// The parameters of Llama 3's stretch that give `divisors`: a GGUF keeps only those.
ordered_json llama3_scaling(const RopeConfig& rope, const FileTarget& target) {
  // As every published model has them; the factor is that of the lowest frequency.
  RopeConfig guess{.n_rotated = rope.n_rotated, .base = rope.base, .stretch = RopeStretch::llama3};
  guess.factor = std::round(rope.divisors.back() * 1000) / 1000;
  guess.original_context = 8192;
  const std::vector<float> found = divisors_of(guess);
  for (size_t pair = 0; pair < found.size(); ++pair) {
    if (std::abs(found[pair] - rope.divisors[pair]) > 1e-4f * found[pair])
      target.fail("the divisors of its rotary embedding are not those of Llama 3");
  }
  return {{"rope_type", "llama3"},
          {"factor", shortest(guess.factor)},
          {"low_freq_factor", shortest(guess.low_freq_factor)},
          {"high_freq_factor", shortest(guess.high_freq_factor)},
          {"original_max_position_embeddings", static_cast<int64_t>(guess.original_context)}};
}

ordered_json longrope_scaling(const RopeConfig& rope) {
  const auto numbers = [](const std::vector<float>& divisors) {
    ordered_json list = ordered_json::array();
    for (const float divisor : divisors) list.push_back(shortest(divisor));
    return list;
  };
  return {{"type", "longrope"},  // the name by which Phi-3's own code knows it
          {"short_factor", numbers(rope.divisors)},
          {"long_factor", numbers(rope.long_divisors)},
          {"attention_factor", shortest(rope.attention_factor)}};
}

void write_rope_to_json(const RopeConfig& rope, const FileTarget& target, ordered_json& fields) {
  fields["rope_theta"] = shortest(rope.base);
  if (rope.growth > 1) {
    fields["max_position_embeddings"] = rope.short_context;
    fields["rope_scaling"] = {{"rope_type", "dynamic"}, {"factor", shortest(rope.growth)}};
  } else if (!rope.long_divisors.empty()) {
    fields["original_max_position_embeddings"] = rope.short_context;
    fields["rope_scaling"] = longrope_scaling(rope);
  } else if (!rope.divisors.empty()) {
    fields["rope_scaling"] = llama3_scaling(rope, target);
  } else if (rope.stretch == RopeStretch::linear) {
    fields["rope_scaling"] = {{"rope_type", "linear"}, {"factor", shortest(rope.factor)}};
  } else if (rope.stretch == RopeStretch::yarn) {
    fields["rope_scaling"] = {{"rope_type", "yarn"},
                              {"factor", shortest(rope.factor)},
                              {"original_max_position_embeddings", static_cast<int64_t>(rope.original_context)},
                              {"beta_fast", shortest(rope.beta_fast)},
                              {"beta_slow", shortest(rope.beta_slow)}};
    if (rope.attention_factor > 0) fields["rope_scaling"]["attention_factor"] = shortest(rope.attention_factor);
  }
}

void write_to_gguf(const DecoderConfig& config, const FileTarget& target, FileForm& form) {
  ordered_json& fields = form.fields;
  fields["vocab_size"] = config.model.vocab_size;
  fields["attention.head_count_kv"] = config.n_kv_heads;
  fields["attention.key_length"] = fields["attention.value_length"] = config.head_dim;
  fields[config.norm == NormKind::rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon"] =
      shortest(config.norm_eps);
  if (!config.ropes.empty()) write_rope_to_gguf(config.ropes[0], target, form);
  if (config.n_experts == 0) return;
  const bool all_have = std::ranges::all_of(config.layers, &DecoderLayer::has_experts);
  if (!all_have) target.fail("some of its layers have no experts");
  if (config.router != RouterWeights::softmax_of_chosen) target.fail("its router weighs by all experts");
  fields["expert_count"] = config.n_experts;
  fields["expert_used_count"] = config.n_experts_used;
  fields["expert_feed_forward_length"] = config.d_expert;
}

void write_to_json(const DecoderConfig& config, const FileTarget& target, FileForm& form) {
  ordered_json& fields = form.fields;
  fields["model_type"] = config.model.architecture;  // as most families are called in both
  fields["vocab_size"] = config.model.vocab_size;
  fields["num_key_value_heads"] = config.n_kv_heads;
  fields["head_dim"] = config.head_dim;
  fields[config.norm == NormKind::rms ? "rms_norm_eps" : "layer_norm_eps"] = shortest(config.norm_eps);
  fields["tie_word_embeddings"] = !config.parts.output;
  if (config.ropes.empty()) return;
  write_rope_to_json(config.ropes[0], target, fields);
  if (config.ropes[0].n_rotated != config.head_dim) {
    fields["partial_rotary_factor"] =
        static_cast<double>(config.ropes[0].n_rotated) / static_cast<double>(config.head_dim);
  }
}

}  // namespace

FileForm decoder_form(const DecoderConfig& config, const FileTarget& target, std::string_view architecture,
                      std::vector<WeightName> names) {
  FileForm form{.architecture = std::string(architecture), .names = std::move(names), .heads = config.heads()};
  form.pairs = form.pairs_in_file = config.rope_pairs;
  DecoderConfig counted = config;
  for (const CountField& field : decoder_counts())
    form.fields[std::string(target.is_gguf() ? field.gguf : field.json)] = field.of(counted);
  if (target.is_gguf()) {
    write_to_gguf(config, target, form);
  } else {
    write_to_json(config, target, form);
  }
  return form;
}

int64_t common_window(const DecoderConfig& config, const FileTarget& target) {
  const int64_t window = config.layers.front().window;
  for (const DecoderLayer& layer : config.layers) {
    if (layer.window != window) target.fail("its layers see windows of different lengths");
  }
  return window;
}

}  // namespace tidemill
