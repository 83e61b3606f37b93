// What distinguishes one decoder-only transformer from another.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "models/blocks.h"
#include "models/file_form.h"
#include "models/gguf_config.h"
#include "models/json_config.h"
#include "models/limits.h"
#include "models/model.h"
#include "models/rope.h"
#include "models/weight_loader.h"
#include "ops/operations.h"

namespace tidemill {

enum class QkNorm : uint8_t {
  none,
  per_head,  // weights [head_dim], over each head
  whole,     // weights as wide as all heads together (OLMo 2)
};

// Which weights a model has beside those that all have.
struct DecoderParts {
  bool norms_before = true;  // attn_norm, ffn_norm
  bool ffn_norm = true;      // false: where attention and feed-forward network are parallel they share attn_norm
  bool norms_after = false;  // post_attention_norm, post_ffw_norm
  bool norm_bias = false;
  bool qkv_bias = false;
  bool out_bias = false;  // of attention
  bool ffn_bias = false;
  bool router_bias = false;
  bool expert_bias = false;
  bool sinks = false;
  bool attn_gate = false;      // attention's result times sigmoid(gate of h)
  bool shared_router = false;  // the shared expert's result times sigmoid(router of h)
  bool learned_positions = false;
  bool output = true;  // a head of its own; false: tied to the embedding
  bool output_bias = false;
  bool output_optional = false;  // it is tied where the file has no such weight
};

struct DecoderLayer {
  int64_t window = 0;        // positions that it sees; 0: all
  int rope = 0;              // of DecoderConfig::ropes; -1: no rotation
  bool has_experts = false;  // in place of one feed-forward network
};

struct DecoderConfig {
  ModelConfig model;
  int64_t n_heads = 0, n_kv_heads = 0, head_dim = 0;
  int64_t d_ff = 0;
  NormKind norm = NormKind::rms;
  float norm_eps = 0;
  QkNorm qk_norm = QkNorm::none;
  Activation activation = Activation::silu;
  bool is_gated = true;      // activation(gate) * up; false: activation(up)
  bool is_parallel = false;  // attention and feed-forward network read the same x
  bool both_ways = false;    // positions see those behind them, too: an encoder
  float embedding_scale = 1;
  float residual_scale = 1;  // of what each block adds
  float logit_scale = 1;
  float attention_scale = 0;           // 0: 1 / sqrt(head_dim)
  float score_cap = 0, logit_cap = 0;  // soft caps; 0: none
  std::vector<RopeConfig> ropes;
  RopePairs rope_pairs = RopePairs::halves;
  int64_t n_experts = 0, n_experts_used = 0, d_expert = 0;
  int64_t d_shared = 0;  // of the expert that all rows go to; 0: none
  RouterWeights router = RouterWeights::softmax_of_chosen;
  DecoderParts parts;
  std::vector<DecoderLayer> layers;  // [n_layers]

  HeadCounts heads() const { return {n_heads, n_kv_heads, head_dim}; }
};

// A count that both kinds of files have, by what each calls it.
struct CountField {
  std::string_view json, gguf;
  int64_t max;
  int64_t& (*of)(DecoderConfig& config);
  std::string_view first_json = {};  // what the first files of an architecture called it, where that is another name
};

// The counts that every decoder has; gpt2 has its own names for them in config.json.
std::span<const CountField> decoder_counts();

template <typename Config>
void read_counts(const Config& get, std::span<const CountField> fields, DecoderConfig& config) {
  constexpr bool is_json = std::is_same_v<Config, JsonConfig>;
  for (const CountField& field : fields) {
    const bool is_first = is_json && !field.first_json.empty() && get.has(field.first_json);
    field.of(config) = get.count(is_first ? field.first_json : is_json ? field.json : field.gguf, field.max);
  }
}

// What most architectures write under the same names: sizes, norm_eps, rotary embedding (ropes[0]), tied embeddings and
// layers, all alike.  Throws bad_file naming what is missing or does not fit, unsupported for a kind of rope scaling
// that is not known.  `rotated_share` of a head rotates where the file does not say how much.
DecoderConfig decoder_config(const JsonConfig& get, std::string architecture, float rotated_share = 1);
// `n_vocab` is the number of rows of the embedding.
DecoderConfig decoder_config(const GgufConfig& get, std::string architecture);

// How a file of the kind `target` holds such a model, but for what a family does in its own way; `architecture` is what
// it calls it there.  Throws unsupported for what it has no word for.
FileForm decoder_form(const DecoderConfig& config, const FileTarget& target, std::string_view architecture,
                      std::vector<WeightName> names);
// The window of all layers; 0: none.  Throws unsupported when they differ.
int64_t common_window(const DecoderConfig& config, const FileTarget& target);

// What config.json calls `layer_types` ("sliding_attention", "full_attention"): sliding layers get `window`.
void read_layer_types(const JsonConfig& get, DecoderConfig& config, int64_t window);
// Which layers are of `type` there, [n_layers], and the others "full_attention"; nothing where it is missing.
std::vector<bool> layers_of_type(const JsonConfig& get, size_t n_layers, std::string_view type);

// How many elements of a head rotate: the share that a config.json says in one of its places, or `share`.
int64_t rotated_count(const JsonConfig& get, int64_t head_dim, float share);

// The rotary embedding of a config.json in either spelling: rope_theta and rope_scaling, or rope_parameters.
RopeConfig rope_config(const JsonConfig& get, int64_t n_rotated, float default_base);

// The same where the embedding's own fields are in `section`.
RopeConfig rope_config_of(const JsonConfig& get, const JsonConfig& section, int64_t n_rotated, float default_base);

// The activation that `field` of a config.json names.  Throws bad_file for a name that is not known.
Activation activation_named(const JsonConfig& get, std::string_view field, std::string_view fallback);
// The one that is called `name`, which is from `field`.
Activation activation_called(const JsonConfig& get, std::string_view field, std::string_view name);

// Throws bad_file unless the counts of heads go together.
void check_heads(const DecoderConfig& config, const std::string& where);

}  // namespace tidemill
