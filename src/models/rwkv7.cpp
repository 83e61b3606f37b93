// RWKV-7: a delta rule whose state forgets and learns by what it reads.  Peng et al. 2025, arXiv:2503.14456.
// Reference: the authors' code in the layout of their checkpoints.
#include <string>
#include <vector>

#include "models/families.h"
#include "models/rwkv.h"

namespace tidemill {
namespace {

// F.normalize divides by a length of at least 1e-12.
constexpr float kLeastSquare = 1e-24f;

// f(x first) second + bias.
struct LowRank {
  Tensor first;   // [rank, d_model]
  Tensor second;  // [d_model, rank]
  Tensor bias;    // [d_model]; none for the gate
};

struct Ranks {
  int64_t decay = 0, rate = 0, value = 0, gate = 0;
};

struct Layer {
  AffineNorm time_norm, channel_norm;
  Tensor share_r, share_w, share_k, share_v, share_a, share_g;  // [d_model]
  Tensor receptance, key, value, output;                        // [d_model, d_model]
  LowRank decay, rate, value_mix, gate;                         // w, a, v and g of the paper
  Tensor key_scale, key_rate, bonus;                            // k_k, k_a, r_k: [d_model]
  AffineNorm head_norm;
  Tensor channel_share;               // [d_model]
  Tensor channel_key, channel_value;  // [d_ff, d_model], [d_model, d_ff]
};

class Rwkv7 final : public Rwkv {
 public:
  Rwkv7(const RwkvConfig& config, const Ranks& ranks, const ModelSource& source, std::span<const WeightName> names);

  Tensor forward(Ops& ops, const Batch& batch) const override;

 private:
  void list_layer(const LayerLister& layer, int64_t index) override;
  Tensor time_mix(Ops& ops, const Tensor& h, int64_t index, std::span<const StateRun> runs,
                  const Tensor& first_value) const;
  Tensor channel_mix(Ops& ops, const Tensor& h, const Layer& layer, std::span<const StateRun> runs) const;

  Ranks ranks_;
  std::vector<Layer> layers_;
};

Rwkv7::Rwkv7(const RwkvConfig& config, const Ranks& ranks, const ModelSource& source, std::span<const WeightName> names)
    : Rwkv(config, config.model.d_model * config.head_dim),
      ranks_(ranks),
      layers_(static_cast<size_t>(config.model.n_layers)) {
  // The first layer has no earlier value to mix with, but files may hold the weights.
  constexpr std::string_view kIgnored[] = {"blocks.0.att.v0",          "blocks.0.att.v1",
                                           "blocks.0.att.v2",          "blk.0.time_mix_v0.weight",
                                           "blk.0.time_mix_v1.weight", "blk.0.time_mix_v2.weight"};
  load(source, names, kIgnored);
}

void Rwkv7::list_layer(const LayerLister& list, int64_t index) {
  Layer& layer = layers_[static_cast<size_t>(index)];
  const int64_t d_model = config_.d_model;
  list.norm("attn_norm", layer.time_norm, d_model);
  list.norm("attn_norm_2", layer.channel_norm, d_model);
  int number = 0;
  for (Tensor* share : {&layer.share_r, &layer.share_w, &layer.share_k, &layer.share_v, &layer.share_a, &layer.share_g})
    list.vector("time_mix_lerp." + std::to_string(number++) + ".weight", *share, d_model);
  const auto low_rank = [&](const std::string& name, LowRank& weights, int64_t rank) {
    list.matrix(name + "1.weight", weights.first, rank, d_model);
    list.matrix(name + "2.weight", weights.second, d_model, rank);
    if (&weights != &layer.gate) list.vector(name + "0.weight", weights.bias, d_model);
  };
  low_rank("time_mix_w", layer.decay, ranks_.decay);
  low_rank("time_mix_a", layer.rate, ranks_.rate);
  if (index > 0) low_rank("time_mix_v", layer.value_mix, ranks_.value);
  low_rank("time_mix_g", layer.gate, ranks_.gate);
  list.vector("time_mix_k_k.weight", layer.key_scale, d_model);
  list.vector("time_mix_k_a.weight", layer.key_rate, d_model);
  list.vector("time_mix_r_k.weight", layer.bonus, d_model);
  list.matrix("time_mix_receptance.weight", layer.receptance, d_model, d_model);
  list.matrix("time_mix_key.weight", layer.key, d_model, d_model);
  list.matrix("time_mix_value.weight", layer.value, d_model, d_model);
  list.matrix("time_mix_output.weight", layer.output, d_model, d_model);
  list.norm("time_mix_ln", layer.head_norm, d_model);
  list.vector("channel_mix_lerp_k.weight", layer.channel_share, d_model);
  list.matrix("channel_mix_key.weight", layer.channel_key, own_.d_ff, d_model);
  list.matrix("channel_mix_value.weight", layer.channel_value, d_model, own_.d_ff);
}

Tensor Rwkv7::forward(Ops& ops, const Batch& batch) const {
  Tensor x = embedded(ops, batch);         // [n_tokens, d_model]
  const Tensor first_value = ops.like(x);  // of the first layer, for all others
  for (int64_t index = 0; index < config_.n_layers; ++index) {
    const Ops::Scope layer_memory(ops);
    const Layer& layer = layers_[static_cast<size_t>(index)];
    const std::span<const StateRun> runs = batch.runs(index);
    x = ops.add_to(x, time_mix(ops, normed(ops, x, layer.time_norm), index, runs, first_value));
    x = ops.add_to(x, channel_mix(ops, normed(ops, x, layer.channel_norm), layer, runs));
  }
  return output(ops, x, batch);
}

Tensor Rwkv7::time_mix(Ops& ops, const Tensor& h, int64_t index, std::span<const StateRun> runs,
                       const Tensor& first_value) const {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  const int64_t n_heads = own_.n_heads;
  const auto [xr, xw, xk, xv, xa, xg] =
      ops.lerp(h, ops.previous_rows(h, runs, time_slot()), layer.share_r, layer.share_w, layer.share_k, layer.share_v,
               layer.share_a, layer.share_g);
  const auto [r, plain_k, plain_v, low_w, low_a, low_v, low_g] =
      ops.products({{xr, layer.receptance},
                    {xk, layer.key},
                    {xv, layer.value, index == 0 ? first_value : Tensor()},
                    {xw, layer.decay.first},
                    {xa, layer.rate.first},
                    {xv, layer.value_mix.first},  // none in the first layer
                    {xg, layer.gate.first}});
  const auto [w_change, a_change, v_change, g] =
      ops.products({{ops.activate(low_w, Activation::tanh), layer.decay.second},
                    {low_a, layer.rate.second},
                    {low_v, layer.value_mix.second},
                    {ops.activate(low_g, Activation::sigmoid), layer.gate.second}});
  const Tensor w = ops.activate(ops.add_row(w_change, layer.decay.bias), Activation::exp_neg_sigmoid);
  const Tensor a = ops.activate(ops.add_row(a_change, layer.rate.bias), Activation::sigmoid);
  const Tensor erased = ops.l2_norm(plain_k, layer.key_scale, kLeastSquare, n_heads);
  const auto [k] = ops.lerp(plain_k, ops.mul(plain_k, a), layer.key_rate);
  Tensor v = plain_v;
  if (index > 0) {
    const Tensor share = ops.activate(ops.add_row(v_change, layer.value_mix.bias), Activation::sigmoid);
    v = ops.lerp(v, first_value, share)[0];
  }
  Tensor y = ops.delta_rule({r, w, k, v, erased, ops.mul(erased, a)}, n_heads, runs, state_slot());
  y = ops.layer_norm(y, layer.head_norm.weight, layer.head_norm.bias, own_.group_norm_eps, n_heads);
  y = ops.head_bonus(y, {r, k, v, layer.bonus}, n_heads);
  return ops.matmul(ops.mul(y, g), layer.output);
}

Tensor Rwkv7::channel_mix(Ops& ops, const Tensor& h, const Layer& layer, std::span<const StateRun> runs) const {
  const auto [xk] = ops.lerp(h, ops.previous_rows(h, runs, channel_slot()), layer.channel_share);
  return ops.matmul(ops.activate(ops.matmul(xk, layer.channel_key), Activation::relu_squared), layer.channel_value);
}

constexpr Part kWhole = Part::whole;

std::vector<WeightName> names() {
  return rwkv_names({
      {"blk.*.time_mix_lerp.0.weight", "blocks.*.att.x_r", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp.1.weight", "blocks.*.att.x_w", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp.2.weight", "blocks.*.att.x_k", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp.3.weight", "blocks.*.att.x_v", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp.4.weight", "blocks.*.att.x_a", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp.5.weight", "blocks.*.att.x_g", kWhole, Change::flattened},
      {"blk.*.time_mix_w0.weight", "blocks.*.att.w0", kWhole, Change::flattened},
      {"blk.*.time_mix_w1.weight", "blocks.*.att.w1", kWhole, Change::transposed},
      {"blk.*.time_mix_w2.weight", "blocks.*.att.w2", kWhole, Change::transposed},
      {"blk.*.time_mix_a0.weight", "blocks.*.att.a0", kWhole, Change::flattened},
      {"blk.*.time_mix_a1.weight", "blocks.*.att.a1", kWhole, Change::transposed},
      {"blk.*.time_mix_a2.weight", "blocks.*.att.a2", kWhole, Change::transposed},
      {"blk.*.time_mix_v0.weight", "blocks.*.att.v0", kWhole, Change::flattened},
      {"blk.*.time_mix_v1.weight", "blocks.*.att.v1", kWhole, Change::transposed},
      {"blk.*.time_mix_v2.weight", "blocks.*.att.v2", kWhole, Change::transposed},
      {"blk.*.time_mix_g1.weight", "blocks.*.att.g1", kWhole, Change::transposed},
      {"blk.*.time_mix_g2.weight", "blocks.*.att.g2", kWhole, Change::transposed},
      {"blk.*.time_mix_k_k.weight", "blocks.*.att.k_k", kWhole, Change::flattened},
      {"blk.*.time_mix_k_a.weight", "blocks.*.att.k_a", kWhole, Change::flattened},
      {"blk.*.time_mix_r_k.weight", "blocks.*.att.r_k", kWhole, Change::flattened},
      {"blk.*.channel_mix_lerp_k.weight", "blocks.*.ffn.x_k", kWhole, Change::flattened},
  });
}

// llama.cpp stacks the shares, and its vectors may have axes of length one.
const WeightName kGgufNames[] = {
    {"blk.*.time_mix_lerp.*.weight", "blk.*.time_mix_lerp_fused.weight", kWhole, Change::flattened},
    {"blk.*.channel_mix_lerp_k.weight", "blk.*.channel_mix_lerp_k.weight", kWhole, Change::flattened},
    {"blk.*.time_mix_r_k.weight", "blk.*.time_mix_r_k.weight", kWhole, Change::flattened},
};

// The first layer lacks a mix of values.
Ranks ranks_of(const ModelSource& source, int64_t n_layers) {
  const bool is_ours = source.has_our_names();
  const std::string end = is_ours ? ".weight" : "";
  const std::string first = is_ours ? "blk.0.time_mix_" : "blocks.0.att.";
  const std::string later = is_ours ? "blk.1.time_mix_" : "blocks.1.att.";
  const auto rank = [&](const std::string& name) { return low_rank(source.weights, name + end, is_ours ? 0 : 1); };
  return {.decay = rank(first + "w1"),
          .rate = rank(first + "a1"),
          .value = n_layers > 1 ? rank(later + "v1") : 0,
          .gate = rank(first + "g1")};
}

}  // namespace

std::unique_ptr<Model> make_rwkv7(const ModelSource& source, std::string_view name) {
  if (source.gguf != nullptr) {
    const RwkvConfig config = rwkv_config(GgufConfig(*source.gguf, std::string(name)), name);
    return std::make_unique<Rwkv7>(config, ranks_of(source, config.model.n_layers), source, kGgufNames);
  }
  const JsonConfig get = json_config(source);
  RwkvConfig config = rwkv_config(get, name);
  read_heads(get, config);
  return std::make_unique<Rwkv7>(config, ranks_of(source, config.model.n_layers), source, names());
}

}  // namespace tidemill
