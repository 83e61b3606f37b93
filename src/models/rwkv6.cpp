// RWKV-6: mixtures of rows and decays that depend on what is read.  Peng et al. 2024, arXiv:2404.05892.
// Reference: the authors' code in the layout of their checkpoints.
#include <array>
#include <string>
#include <vector>

#include "models/families.h"
#include "models/rwkv.h"

namespace tidemill {
namespace {

constexpr size_t kMixtures = 5;  // in the order of files: of decay, key, value, receptance, gate

struct Layer {
  Tensor share;                                 // [d_model], of the mixture that the others are made from
  std::array<Tensor, kMixtures> shares;         // [d_model]
  std::array<Tensor, kMixtures> shares_low;     // [mix_rank, d_model]
  std::array<Tensor, kMixtures> shares_high;    // [d_model, mix_rank]
  Tensor decay, decay_low, decay_high;          // [d_model], [decay_rank, d_model], [d_model, decay_rank]
  Tensor bonus;                                 // [d_model]
  Tensor key, value, receptance, gate, output;  // [d_model, d_model]
  AffineNorm head_norm;
};

struct Ranks {
  int64_t mix = 0, decay = 0;
};

class Rwkv6 final : public ChannelMixedRwkv {
 public:
  Rwkv6(const RwkvConfig& config, const Ranks& ranks, const ModelSource& source, std::span<const WeightName> names)
      : ChannelMixedRwkv(config, config.model.d_model * config.head_dim, Shares::of_previous),
        ranks_(ranks),
        layers_(static_cast<size_t>(config.model.n_layers)) {
    load(source, names);
  }

 private:
  void list_time_mix(const LayerLister& list, int64_t index) override;
  Tensor time_mix(Ops& ops, const Tensor& h, int64_t index, std::span<const StateRun> runs) const override;

  Ranks ranks_;
  std::vector<Layer> layers_;
};

void Rwkv6::list_time_mix(const LayerLister& list, int64_t index) {
  Layer& layer = layers_[static_cast<size_t>(index)];
  const int64_t d_model = config_.d_model;
  list.vector("time_mix_lerp_x.weight", layer.share, d_model);
  for (size_t j = 0; j < kMixtures; ++j) {
    const std::string number = std::to_string(j);
    list.vector("time_mix_lerp." + number + ".weight", layer.shares[j], d_model);
    list.matrix("time_mix_w1." + number + ".weight", layer.shares_low[j], ranks_.mix, d_model);
    list.matrix("time_mix_w2." + number + ".weight", layer.shares_high[j], d_model, ranks_.mix);
  }
  list.vector("time_mix_decay.weight", layer.decay, d_model);
  list.matrix("time_mix_decay_w1.weight", layer.decay_low, ranks_.decay, d_model);
  list.matrix("time_mix_decay_w2.weight", layer.decay_high, d_model, ranks_.decay);
  list.vector("time_mix_first.weight", layer.bonus, d_model);
  list.matrix("time_mix_key.weight", layer.key, d_model, d_model);
  list.matrix("time_mix_value.weight", layer.value, d_model, d_model);
  list.matrix("time_mix_receptance.weight", layer.receptance, d_model, d_model);
  list.matrix("time_mix_gate.weight", layer.gate, d_model, d_model);
  list.norm("time_mix_ln", layer.head_norm, d_model);
  list.matrix("time_mix_output.weight", layer.output, d_model, d_model);
}

Tensor Rwkv6::time_mix(Ops& ops, const Tensor& h, int64_t index, std::span<const StateRun> runs) const {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  const Tensor before = ops.previous_rows(h, runs, time_slot());
  const auto [x] = ops.lerp(h, before, layer.share);
  auto low = ops.matmul(x, layer.shares_low[0], layer.shares_low[1], layer.shares_low[2], layer.shares_low[3],
                        layer.shares_low[4]);  // [n_tokens, mix_rank]
  for (Tensor& part : low) part = ops.activate(part, Activation::tanh);
  auto shares = ops.products({{low[0], layer.shares_high[0]},
                              {low[1], layer.shares_high[1]},
                              {low[2], layer.shares_high[2]},
                              {low[3], layer.shares_high[3]},
                              {low[4], layer.shares_high[4]}});  // [n_tokens, d_model]
  for (size_t j = 0; j < kMixtures; ++j) shares[j] = ops.add_row(shares[j], layer.shares[j]);
  const auto [xw, xk, xv, xr, xg] = ops.lerp(h, before, shares[0], shares[1], shares[2], shares[3], shares[4]);
  const auto [low_decay, k, v, r, g] = ops.products(
      {{xw, layer.decay_low}, {xk, layer.key}, {xv, layer.value}, {xr, layer.receptance}, {xg, layer.gate}});
  const Tensor decay_change = ops.matmul(ops.activate(low_decay, Activation::tanh), layer.decay_high);
  const Tensor decay = ops.activate(ops.add_row(decay_change, layer.decay), Activation::exp_neg_exp);
  Tensor y = ops.wkv({r, k, v, decay, layer.bonus}, own_.n_heads, runs, state_slot());
  y = ops.layer_norm(y, layer.head_norm.weight, layer.head_norm.bias, own_.group_norm_eps, own_.n_heads);
  return ops.matmul(ops.gate(g, y, Activation::silu), layer.output);
}

constexpr Part kWhole = Part::whole;

// A low-rank weight of each mixture is a range of one that joins them.
std::vector<WeightName> joined_names(std::string_view theirs, Change change, int64_t rank) {
  const int64_t total = static_cast<int64_t>(kMixtures) * rank;
  return {
      {"blk.*.time_mix_w1.0.weight", theirs, Part::range, change, {0, total}},
      {"blk.*.time_mix_w1.1.weight", theirs, Part::range, change, {rank, total}},
      {"blk.*.time_mix_w1.2.weight", theirs, Part::range, change, {2 * rank, total}},
      {"blk.*.time_mix_w1.3.weight", theirs, Part::range, change, {3 * rank, total}},
      {"blk.*.time_mix_w1.4.weight", theirs, Part::range, change, {4 * rank, total}},
  };
}

std::vector<WeightName> names() {
  return rwkv_names({
      {"blk.*.time_mix_lerp_x.weight", "blocks.*.att.time_maa_x", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp.0.weight", "blocks.*.att.time_maa_w", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp.1.weight", "blocks.*.att.time_maa_k", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp.2.weight", "blocks.*.att.time_maa_v", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp.3.weight", "blocks.*.att.time_maa_r", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp.4.weight", "blocks.*.att.time_maa_g", kWhole, Change::flattened},
      {"blk.*.time_mix_w2.*.weight", "blocks.*.att.time_maa_w2", kWhole, Change::transposed},
      {"blk.*.time_mix_decay.weight", "blocks.*.att.time_decay", kWhole, Change::flattened},
      {"blk.*.time_mix_decay_w1.weight", "blocks.*.att.time_decay_w1", kWhole, Change::transposed},
      {"blk.*.time_mix_decay_w2.weight", "blocks.*.att.time_decay_w2", kWhole, Change::transposed},
      {"blk.*.time_mix_first.weight", "blocks.*.att.time_faaaa", kWhole, Change::flattened},
      {"blk.*.channel_mix_lerp_k.weight", "blocks.*.ffn.time_maa_k", kWhole, Change::flattened},
      {"blk.*.channel_mix_lerp_r.weight", "blocks.*.ffn.time_maa_r", kWhole, Change::flattened},
  });
}

// llama.cpp stacks the shares.
std::vector<WeightName> gguf_names() {
  return {
      {"blk.*.time_mix_lerp.*.weight", "blk.*.time_mix_lerp_fused.weight", kWhole, Change::flattened},
      {"blk.*.time_mix_w2.*.weight", "blk.*.time_mix_w2.weight"},
      {"blk.*.time_mix_first.weight", "blk.*.time_mix_first.weight", kWhole, Change::flattened},
  };
}

}  // namespace

std::unique_ptr<Model> make_rwkv6(const ModelSource& source, std::string_view name) {
  const bool is_gguf = source.gguf != nullptr;
  RwkvConfig config;
  if (is_gguf) {
    config = rwkv_config(GgufConfig(*source.gguf, std::string(name)), name);
  } else {
    const JsonConfig get = json_config(source);
    config = rwkv_config(get, name);
    read_heads(get, config);
  }
  const auto rank = [&](std::string_view in_gguf, std::string_view in_json) {
    return source.has_our_names() ? low_rank(source.weights, "blk.0." + std::string(in_gguf) + ".weight", 0)
                                  : low_rank(source.weights, "blocks.0.att." + std::string(in_json), 1);
  };
  const auto n_mixtures = static_cast<int64_t>(kMixtures);  // joined, but for packed weights
  const Ranks ranks{
      .mix = source.weights.is_packed() ? rank("time_mix_w1.0", "") : rank("time_mix_w1", "time_maa_w1") / n_mixtures,
      .decay = rank("time_mix_decay_w1", "time_decay_w1")};
  std::vector<WeightName> all = is_gguf ? joined_names("blk.*.time_mix_w1.weight", Change::none, ranks.mix)
                                        : joined_names("blocks.*.att.time_maa_w1", Change::transposed, ranks.mix);
  const std::vector<WeightName> others = is_gguf ? gguf_names() : names();
  all.insert(all.end(), others.begin(), others.end());
  return std::make_unique<Rwkv6>(config, ranks, source, all);
}

}  // namespace tidemill
