// What distinguishes one encoder from another.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/blocks.h"
#include "models/gguf_config.h"
#include "models/json_config.h"
#include "models/model.h"
#include "models/rope.h"

namespace tidemill {

// Which weights a model has beside those that all have.
struct EncoderParts {
  bool embedding_norm = true;
  bool norm_bias = true;
  bool qkv_bias = true;
  bool out_bias = true;  // of attention
  bool ffn_bias = true;
};

struct EncoderLayer {
  int64_t window = 0;         // sees positions nearer than that; 0: all
  int rope = -1;              // of EncoderConfig::ropes; -1: no rotation
  bool has_attn_norm = true;  // where norms come first
};

struct EncoderConfig {
  ModelConfig model;
  int64_t n_heads = 0, head_dim = 0;
  int64_t d_ff = 0;
  NormKind norm = NormKind::layer;
  float norm_eps = 0;
  // Norms of what attention and the feed-forward network read, and one at the end; false: of each sum with what they
  // give, as in the first transformers.
  bool norms_first = false;
  Activation activation = Activation::gelu;
  bool is_gated = false;      // activation(gate) * up; false: activation(up)
  float attention_scale = 0;  // 0: 1 / sqrt(head_dim)
  std::vector<RopeConfig> ropes;
  int64_t n_position_rows = 0;  // of learned positions; 0: none
  int64_t first_position = 0;   // the row of a text's first token
  int64_t padding_id = -1;      // RoBERTa: a token that counts for no position and takes row padding_id
  int64_t n_types = 0;          // kinds of tokens, by their place in a pair of texts; 0: none
  int64_t n_buckets = 0;        // T5's bias by distance: numbers of each head; 0: none
  int64_t farthest = 0;         // distances from there on share a bucket
  EncoderParts parts;
  std::vector<EncoderLayer> layers;  // [n_layers]
};

// Bounds that a configuration's numbers stay below, so that no product of them overflows.
struct EncoderLimits {
  static constexpr int64_t kLayers = 1024, kHeads = 4096, kHeadDim = 1 << 16, kWidth = 1 << 20, kHidden = 1 << 24,
                           kVocab = 1 << 24, kContext = 1 << 24, kTypes = 1 << 16, kBuckets = 1 << 12,
                           kDistance = 1 << 16;
};

// What most encoders write under the same names: sizes and layers, all alike.  Throws bad_file naming what is missing
// or does not fit.
EncoderConfig encoder_config(const JsonConfig& get, std::string_view architecture);
// The same from a GGUF, whose learned positions and types are those that it has weights for.
EncoderConfig encoder_config(const GgufConfig& get, std::string_view architecture);

// The table of RoBERTa's positions begins with a row for each id up to that of padding.
void read_roberta_positions(const JsonConfig& get, EncoderConfig& config);

// Throws bad_file, naming `field`, for a number of buckets that the distances cannot have.
template <typename Config>
void check_buckets(const EncoderConfig& config, const Config& get, std::string_view field) {
  if (config.n_buckets >= 4 && config.farthest > config.n_buckets / 4) return;
  get.fail(field, "is " + std::to_string(config.n_buckets) + " for distances up to " + std::to_string(config.farthest) +
                      ", expected 4 or more, and less than four times that distance");
}

}  // namespace tidemill
