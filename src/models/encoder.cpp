#include "models/encoder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "models/distance_buckets.h"

namespace tidemill {
namespace {

constexpr size_t kMaxRopes = 2;

// What files hold beside the weights: tables that follow from the configuration, and layers over the hidden states that
// only some tasks use, of which the last are a GGUF's.
constexpr std::string_view kIgnored[] = {"embeddings.position_ids", "rotary_emb.inv_freq", "pooler.dense.weight",
                                         "pooler.dense.bias",       "cls.weight",          "cls.bias",
                                         "cls.norm.weight",         "cls.output.weight",   "cls.output.bias"};

struct Layer {
  Norm attn_norm;       // of what attention reads, or of the sum with what it gives
  Linear wq, wk, wv;    // [n_heads * head_dim, d_model]
  Linear wo;            // [d_model, n_heads * head_dim]
  Norm ffn_norm;        // likewise
  Linear w_gate, w_up;  // [d_ff, d_model]
  Linear w_down;        // [d_model, d_ff]
};

Tensor projected(Ops& ops, const Tensor& x, const Linear& linear, Activation activation = Activation::identity) {
  return ops.project<1>(x, {linear.weight}, {linear.bias}, activation)[0];
}

class Encoder final : public Model {
 public:
  Encoder(EncoderConfig config, const ModelSource& source, std::span<const WeightName> names, std::string prefix);

  StateSpec state_spec() const override { return {}; }
  Tensor forward(Ops& ops, const Batch& batch) const override;
  Tensor logits(Ops& ops, const Tensor& hidden, const ScoreReach& reach) const override;
  void list_params(const Lister& list) override;
  const EncoderConfig& own_config() const { return own_; }

 private:
  // What all layers need to know of a batch.
  struct Places {
    std::array<Tensor, kMaxRopes> ropes;  // tables of the batch's rows, one for each of own_.ropes
    Tensor distance_bias;                 // [2 * farthest + 1, n_heads]
  };

  void check(const std::string& where) const;
  void list_layer(const Lister& list, int64_t index);
  std::vector<int32_t> position_rows(const Batch& batch) const;
  Tensor embedded(Ops& ops, const Batch& batch) const;
  Places places_of(Ops& ops, const Batch& batch) const;
  Tensor attention_block(Ops& ops, const Tensor& h, int64_t index, const Places& places, const Batch& batch) const;
  Tensor feed_forward_block(Ops& ops, const Tensor& h, const Layer& layer) const;
  Tensor normed(Ops& ops, const Tensor& x, const Norm& norm) const;

  EncoderConfig own_;
  Tensor embedding_;      // [vocab_size, d_model]
  Tensor positions_;      // [n_position_rows, d_model]
  Tensor types_;          // [n_types, d_model]
  Tensor distance_bias_;  // [n_buckets, n_heads]
  Norm embedding_norm_, final_norm_;
  std::vector<Layer> layers_;
  std::vector<RopeFrequencies> frequencies_;  // of each of own_.ropes
  std::vector<Tensor> inv_freqs_;             // views of them, [n_rotated / 2]
  std::vector<int32_t> buckets_;              // of distances -farthest to farthest
};

Encoder::Encoder(EncoderConfig config, const ModelSource& source, std::span<const WeightName> names, std::string prefix)
    : own_(std::move(config)) {
  config_ = own_.model;
  config_.is_encoder = true;
  check(source.gguf != nullptr ? source.gguf->path() : source.config_path);
  if (own_.attention_scale == 0) own_.attention_scale = 1.0f / std::sqrt(static_cast<float>(own_.head_dim));
  for (const RopeConfig& rope : own_.ropes) frequencies_.push_back(rope_frequencies(rope));
  for (RopeFrequencies& rope : frequencies_) {
    inv_freqs_.emplace_back(rope.inv_freq.data(), DType::f32, Shape{std::ssize(rope.inv_freq)});
  }
  if (own_.n_buckets > 0) buckets_ = distance_buckets(own_.n_buckets, own_.farthest);
  layers_.resize(own_.layers.size());
  WeightLoader loader(source.weights, names, {own_.n_heads, own_.n_heads, own_.head_dim}, loaded_, std::move(prefix));
  list_params([&](const Parameter& parameter) { loader.load(parameter); });
  loader.expect_all_used(kIgnored);
}

void Encoder::check(const std::string& where) const {
  const auto fail = [&](const std::string& why) { throw Error(ErrorCode::bad_file, where + ": " + why); };
  if (own_.head_dim < 1) {
    fail("attention has " + std::to_string(own_.n_heads) + " heads over a width of " + std::to_string(config_.d_model) +
         "; expected at least one element for each");
  }
  for (const RopeConfig& rope : own_.ropes) {
    if (rope.n_rotated > 0 && rope.n_rotated % 2 == 0 && rope.n_rotated <= own_.head_dim) continue;
    fail(std::to_string(rope.n_rotated) + " of the head_dim " + std::to_string(own_.head_dim) +
         " rotate; expected an even number, no more than there are");
  }
  if (config_.context_length < 1 ||
      (own_.n_position_rows > 0 && config_.context_length + own_.first_position > own_.n_position_rows)) {
    fail("a context of " + std::to_string(config_.context_length) + " from row " + std::to_string(own_.first_position) +
         " of " + std::to_string(own_.n_position_rows) + " learned positions; expected 1 or more, within them");
  }
}

void Encoder::list_params(const Lister& list) {
  const int64_t d_model = config_.d_model;
  const auto norm = [&](const std::string& name, Norm& tensors) {
    list({name + ".weight", &tensors.weight, {d_model}, WeightRole::vector});
    if (own_.parts.norm_bias) list({name + ".bias", &tensors.bias, {d_model}, WeightRole::vector});
  };
  list({"token_embd.weight", &embedding_, {config_.vocab_size, d_model}, WeightRole::embedding});
  if (own_.n_position_rows > 0)
    list({"position_embd.weight", &positions_, {own_.n_position_rows, d_model}, WeightRole::embedding});
  if (own_.n_types > 0) list({"token_types.weight", &types_, {own_.n_types, d_model}, WeightRole::embedding});
  if (own_.parts.embedding_norm) norm("token_embd_norm", embedding_norm_);
  if (own_.n_buckets > 0)
    list({"attn_rel_b.weight", &distance_bias_, {own_.n_buckets, own_.n_heads}, WeightRole::vector});
  for (int64_t index = 0; index < config_.n_layers; ++index) list_layer(list, index);
  if (own_.norms_first) norm("output_norm", final_norm_);
}

void Encoder::list_layer(const Lister& list, int64_t index) {
  Layer& layer = layers_[static_cast<size_t>(index)];
  const EncoderParts& parts = own_.parts;
  const int64_t d_model = config_.d_model, d_ff = own_.d_ff, d_q = own_.n_heads * own_.head_dim;
  const std::string prefix = "blk." + std::to_string(index) + ".";
  const auto norm = [&](const std::string& name, Norm& tensors) {
    list({prefix + name + ".weight", &tensors.weight, {d_model}, WeightRole::vector});
    if (parts.norm_bias) list({prefix + name + ".bias", &tensors.bias, {d_model}, WeightRole::vector});
  };
  const auto linear = [&](const std::string& name, Linear& tensors, int64_t d_out, int64_t d_in, bool has_bias) {
    list({prefix + name + ".weight", &tensors.weight, {d_out, d_in}, WeightRole::matrix});
    if (has_bias) list({prefix + name + ".bias", &tensors.bias, {d_out}, WeightRole::vector});
  };
  if (own_.layers[static_cast<size_t>(index)].has_attn_norm)
    norm(own_.norms_first ? "attn_norm" : "attn_output_norm", layer.attn_norm);
  linear("attn_q", layer.wq, d_q, d_model, parts.qkv_bias);
  linear("attn_k", layer.wk, d_q, d_model, parts.qkv_bias);
  linear("attn_v", layer.wv, d_q, d_model, parts.qkv_bias);
  linear("attn_output", layer.wo, d_model, d_q, parts.out_bias);
  norm(own_.norms_first ? "ffn_norm" : "layer_output_norm", layer.ffn_norm);
  if (own_.is_gated) linear("ffn_gate", layer.w_gate, d_ff, d_model, parts.ffn_bias);
  linear("ffn_up", layer.w_up, d_ff, d_model, parts.ffn_bias);
  linear("ffn_down", layer.w_down, d_model, d_ff, parts.ffn_bias);
}

Tensor Encoder::normed(Ops& ops, const Tensor& x, const Norm& norm) const {
  return tidemill::normed(ops, x, norm, own_.norm, own_.norm_eps);
}

Tensor Encoder::forward(Ops& ops, const Batch& batch) const {
  Tensor x = embedded(ops, batch);  // [n_tokens, d_model]
  const Places places = places_of(ops, batch);
  for (int64_t index = 0; index < config_.n_layers; ++index) {
    const Ops::Scope layer_memory(ops);
    const Layer& layer = layers_[static_cast<size_t>(index)];
    const auto summed = [&](const Tensor& y, const Norm& norm) {
      const Tensor sum = ops.add_to(x, y);
      return own_.norms_first ? sum : ops.layer_norm_in_place(sum, norm.weight, norm.bias, own_.norm_eps);
    };
    const auto read = [&](const Norm& norm) { return own_.norms_first ? normed(ops, x, norm) : x; };
    x = summed(attention_block(ops, read(layer.attn_norm), index, places, batch), layer.attn_norm);
    x = summed(feed_forward_block(ops, read(layer.ffn_norm), layer), layer.ffn_norm);
  }
  return normed(ops, ops.gather_rows(x, batch.output_rows), final_norm_);
}

// The row of positions_ for each token.
std::vector<int32_t> Encoder::position_rows(const Batch& batch) const {
  std::vector<int32_t> rows(batch.positions.begin(), batch.positions.end());
  for (const StateRun& run : batch.runs(0)) {
    auto first = static_cast<int32_t>(own_.first_position);
    for (int64_t row = run.first_row; row < run.first_row + run.n_rows; ++row) {
      const auto at = static_cast<size_t>(row);
      const bool is_padding = batch.tokens[at] == own_.padding_id;
      rows[at] = is_padding ? batch.tokens[at] : first + rows[at];
      if (is_padding) --first;
    }
  }
  return rows;
}

Tensor Encoder::embedded(Ops& ops, const Batch& batch) const {
  Tensor x = ops.embed(embedding_, batch.tokens);
  if (own_.n_types > 0) {
    const std::vector<int32_t> zeros(batch.types.empty() ? batch.tokens.size() : 0);
    x = ops.add_to(x, ops.embed(types_, batch.types.empty() ? zeros : batch.types));
  }
  if (own_.n_position_rows > 0) x = ops.add_to(x, ops.embed(positions_, position_rows(batch)));
  return normed(ops, x, embedding_norm_);
}

Encoder::Places Encoder::places_of(Ops& ops, const Batch& batch) const {
  Places places;
  for (size_t i = 0; i < frequencies_.size(); ++i) {
    places.ropes[i] = ops.rope_table(batch.positions, inv_freqs_[i], frequencies_[i].scale);
  }
  if (own_.n_buckets > 0) places.distance_bias = ops.gather_rows(distance_bias_, buckets_);
  return places;
}

Tensor Encoder::attention_block(Ops& ops, const Tensor& h, int64_t index, const Places& places,
                                const Batch& batch) const {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  const EncoderLayer& kind = own_.layers[static_cast<size_t>(index)];
  const auto placed = [&](const Tensor& t) {
    return kind.rope < 0 ? t : ops.rope(t, places.ropes[static_cast<size_t>(kind.rope)], own_.head_dim);
  };
  const auto [q, k, v] = ops.project<3>(h, {layer.wq.weight, layer.wk.weight, layer.wv.weight},
                                        {layer.wq.bias, layer.wk.bias, layer.wv.bias});
  const Tensor mixed = ops.attention(placed(q), placed(k), v, batch.runs(0),
                                     {.n_heads = own_.n_heads,
                                      .n_kv_heads = own_.n_heads,
                                      .head_dim = own_.head_dim,
                                      .scale = own_.attention_scale,
                                      .window = kind.window,
                                      .both_ways = true,
                                      .distance_bias = places.distance_bias});
  return projected(ops, mixed, layer.wo);
}

Tensor Encoder::feed_forward_block(Ops& ops, const Tensor& h, const Layer& layer) const {
  if (!own_.is_gated) return projected(ops, projected(ops, h, layer.w_up, own_.activation), layer.w_down);
  const auto [gate, up] =
      ops.project<2>(h, {layer.w_gate.weight, layer.w_up.weight}, {layer.w_gate.bias, layer.w_up.bias});
  return projected(ops, ops.gate(gate, up, own_.activation), layer.w_down);
}

Tensor Encoder::logits(Ops&, const Tensor&, const ScoreReach&) const {
  throw Error(ErrorCode::unsupported,
              config_.architecture + ": is an encoder, which gives hidden states and no scores of next tokens");
}

}  // namespace

std::unique_ptr<Model> make_encoder(EncoderConfig config, const ModelSource& source, std::span<const WeightName> names,
                                    std::string prefix) {
  return std::make_unique<Encoder>(std::move(config), source, names, std::move(prefix));
}

const EncoderConfig* encoder_config_of(const Model& model) {
  const auto* const encoder = dynamic_cast<const Encoder*>(&model);
  return encoder == nullptr ? nullptr : &encoder->own_config();
}

std::string prefix_in(const ModelSource& source, const std::string& prefix, const std::string& name) {
  return source.weights.find(prefix + name) ? prefix : "";
}

}  // namespace tidemill
