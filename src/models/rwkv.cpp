#include "models/rwkv.h"

#include <iterator>

namespace tidemill {

RwkvConfig rwkv_config(const JsonConfig& get, std::string_view architecture) {
  RwkvConfig config{.model = recurrent_model(get, architecture)};
  config.d_ff = get.count_or("intermediate_size", kMaxWidth, 4 * config.model.d_model);
  config.norm_eps = get.positive_or("layer_norm_epsilon", 1e-5f);
  config.group_norm_eps = get.positive_or("group_norm_epsilon", 64e-5f);
  return config;
}

RwkvConfig rwkv_config(const GgufConfig& get, std::string_view architecture) {
  RwkvConfig config{.model = recurrent_model(get, architecture)};
  config.d_ff = get.count("feed_forward_length", kMaxWidth);
  config.head_dim = get.count("wkv.head_size", kMaxWidth);
  config.n_heads = config.model.d_model / config.head_dim;
  if (config.n_heads * config.head_dim != config.model.d_model)
    get.fail("wkv.head_size", "is " + std::to_string(config.head_dim) + ", which does not divide embedding_length");
  config.norm_eps = get.positive_or("attention.layer_norm_epsilon", 1e-5f);
  if (get.file().integer(std::string(architecture) + ".rescale_every_n_layers").value_or(0) != 0)
    config.rescale_every = get.count("rescale_every_n_layers", kMaxLayers);
  return config;
}

void read_heads(const JsonConfig& get, RwkvConfig& config) {
  config.n_heads = get.count("num_heads", kMaxHeads);
  config.head_dim = get.count("head_size", kMaxWidth);
  if (config.n_heads * config.head_dim != config.model.d_model)
    get.fail("num_heads", "is " + std::to_string(config.n_heads) + " and head_size " + std::to_string(config.head_dim) +
                              ", whose product is not hidden_size");
}

std::vector<WeightName> rwkv_names(std::vector<WeightName> special) {
  constexpr WeightName kNames[] = {
      {"token_embd", "emb"},
      {"token_embd_norm", "blocks.0.ln0"},
      {"output_norm", "ln_out"},
      {"output", "head"},
      {"blk.*.attn_norm", "blocks.*.ln1"},
      {"blk.*.attn_norm_2", "blocks.*.ln2"},
      {"blk.*.time_mix_key", "blocks.*.att.key"},
      {"blk.*.time_mix_value", "blocks.*.att.value"},
      {"blk.*.time_mix_receptance", "blocks.*.att.receptance"},
      {"blk.*.time_mix_gate", "blocks.*.att.gate"},
      {"blk.*.time_mix_output", "blocks.*.att.output"},
      {"blk.*.time_mix_ln", "blocks.*.att.ln_x"},
      {"blk.*.channel_mix_key", "blocks.*.ffn.key"},
      {"blk.*.channel_mix_value", "blocks.*.ffn.value"},
      {"blk.*.channel_mix_receptance", "blocks.*.ffn.receptance"},
  };
  special.insert(special.end(), std::begin(kNames), std::end(kNames));
  return special;
}

int64_t low_rank(const Weights& weights, const std::string& name, int axis) {
  const auto weight = weights.find(name);
  const int64_t rank = weight && weight->shape().rank() == 2 ? weight->dim(axis) : 0;
  if (rank > 0 && rank <= kMaxWidth) return rank;
  throw Error(ErrorCode::bad_file, weights.path() + ": tensor '" + name + "' is " +
                                       (weight ? weight->shape().to_string() : "missing") +
                                       ", expected a matrix; the file is damaged or of another architecture");
}

void Rwkv::load(const ModelSource& source, std::span<const WeightName> names,
                std::span<const std::string_view> ignored) {
  WeightLoader loader(source.weights, names, {}, loaded_);
  list_params([&](const Parameter& parameter) { loader.load(parameter); });
  loader.expect_all_used(ignored);
}

void Rwkv::list_params(const Lister& list) {
  const int64_t d_model = config_.d_model;
  list({"token_embd.weight", &embedding_, {config_.vocab_size, d_model}, WeightRole::embedding});
  const LayerLister outside{list, ""};
  outside.norm("token_embd_norm", embedding_norm_, d_model);
  outside.norm("output_norm", output_norm_, d_model);
  list({"output.weight", &head_, {config_.vocab_size, d_model}, WeightRole::head});
  for (int64_t index = 0; index < config_.n_layers; ++index)
    list_layer({list, "blk." + std::to_string(index) + "."}, index);
}

StateSpec Rwkv::state_spec() const {
  return {std::vector<LayerStateSpec>(static_cast<size_t>(config_.n_layers),
                                      {.slot_size = 2 * config_.d_model + state_size_})};
}

Tensor Rwkv::normed(Ops& ops, const Tensor& x, const AffineNorm& norm) const {
  return ops.layer_norm(x, norm.weight, norm.bias, own_.norm_eps);
}

Tensor Rwkv::embedded(Ops& ops, const Batch& batch) const {
  return normed(ops, ops.embed(embedding_, batch.tokens), embedding_norm_);
}

Tensor Rwkv::output(Ops& ops, const Tensor& x, const Batch& batch) const {
  return normed(ops, ops.gather_rows(x, batch.output_rows), output_norm_);
}

Tensor Rwkv::logits(Ops& ops, const Tensor& hidden, const ScoreReach& reach) const {
  return ops.scores(hidden, head_, reach);
}

void ChannelMixedRwkv::list_layer(const LayerLister& list, int64_t index) {
  Frame& frame = frames_[static_cast<size_t>(index)];
  const int64_t d_model = config_.d_model;
  list.norm("attn_norm", frame.time_norm, d_model);
  list.norm("attn_norm_2", frame.channel_norm, d_model);
  list_time_mix(list, index);
  list.vector("channel_mix_lerp_k.weight", frame.share_k, d_model);
  list.vector("channel_mix_lerp_r.weight", frame.share_r, d_model);
  list.matrix("channel_mix_key.weight", frame.key, own_.d_ff, d_model);
  list.matrix("channel_mix_receptance.weight", frame.receptance, d_model, d_model);
  list.matrix("channel_mix_value.weight", frame.value, d_model, own_.d_ff);
}

Tensor ChannelMixedRwkv::forward(Ops& ops, const Batch& batch) const {
  Tensor x = embedded(ops, batch);  // [n_tokens, d_model]
  for (int64_t index = 0; index < config_.n_layers; ++index) {
    const Ops::Scope layer_memory(ops);
    const Frame& frame = frames_[static_cast<size_t>(index)];
    const std::span<const StateRun> runs = batch.runs(index);
    x = ops.add_to(x, time_mix(ops, normed(ops, x, frame.time_norm), index, runs));
    x = ops.add_to(x, channel_mix(ops, normed(ops, x, frame.channel_norm), frame, runs));
    if (own_.rescale_every > 0 && (index + 1) % own_.rescale_every == 0) x = ops.scale(x, 0.5f);
  }
  return output(ops, x, batch);
}

Tensor ChannelMixedRwkv::channel_mix(Ops& ops, const Tensor& h, const Frame& frame,
                                     std::span<const StateRun> runs) const {
  const Tensor before = ops.previous_rows(h, runs, channel_slot());
  const auto [xk, xr] = shares_ == Shares::of_row ? ops.lerp(before, h, frame.share_k, frame.share_r)
                                                  : ops.lerp(h, before, frame.share_k, frame.share_r);
  const auto [k, r] =
      ops.products({{xk, frame.key}, {xr, frame.receptance}});  // [n_tokens, d_ff] and [n_tokens, d_model]
  return ops.gate(r, ops.matmul(ops.activate(k, Activation::relu_squared), frame.value), Activation::sigmoid);
}

}  // namespace tidemill
