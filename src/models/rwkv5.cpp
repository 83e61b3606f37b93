// RWKV-5: a matrix for each head that decays, by head in 5.1 and by channel in 5.2.  Peng et al. 2024,
// arXiv:2404.05892.  Reference: the authors' code in the layout of their checkpoints.
#include <string>
#include <vector>

#include "models/families.h"
#include "models/rwkv.h"

namespace tidemill {
namespace {

struct Layer {
  Tensor share_k, share_v, share_r, share_g;    // [d_model]
  Tensor decay, bonus;                          // [n_heads] in 5.1, [d_model] in 5.2
  Tensor key, value, receptance, gate, output;  // [d_model, d_model]; no gate in 5.1
  AffineNorm head_norm;
};

class Rwkv5 final : public ChannelMixedRwkv {
 public:
  Rwkv5(const RwkvConfig& config, bool is_gated, const ModelSource& source, std::span<const WeightName> names)
      : ChannelMixedRwkv(config, config.model.d_model * config.head_dim, Shares::of_row),
        is_gated_(is_gated),
        layers_(static_cast<size_t>(config.model.n_layers)) {
    load(source, names);
  }

 private:
  void list_time_mix(const LayerLister& list, int64_t index) override;
  Tensor time_mix(Ops& ops, const Tensor& h, int64_t index, std::span<const StateRun> runs) const override;

  bool is_gated_;  // 5.2
  std::vector<Layer> layers_;
};

void Rwkv5::list_time_mix(const LayerLister& list, int64_t index) {
  Layer& layer = layers_[static_cast<size_t>(index)];
  const int64_t d_model = config_.d_model, n_decays = is_gated_ ? d_model : own_.n_heads;
  list.vector("time_mix_lerp_k.weight", layer.share_k, d_model);
  list.vector("time_mix_lerp_v.weight", layer.share_v, d_model);
  list.vector("time_mix_lerp_r.weight", layer.share_r, d_model);
  list.vector("time_mix_decay.weight", layer.decay, n_decays);
  list.vector("time_mix_first.weight", layer.bonus, n_decays);
  list.matrix("time_mix_key.weight", layer.key, d_model, d_model);
  list.matrix("time_mix_value.weight", layer.value, d_model, d_model);
  list.matrix("time_mix_receptance.weight", layer.receptance, d_model, d_model);
  if (is_gated_) {
    list.vector("time_mix_lerp_g.weight", layer.share_g, d_model);
    list.matrix("time_mix_gate.weight", layer.gate, d_model, d_model);
  }
  list.norm("time_mix_ln", layer.head_norm, d_model);
  list.matrix("time_mix_output.weight", layer.output, d_model, d_model);
}

Tensor Rwkv5::time_mix(Ops& ops, const Tensor& h, int64_t index, std::span<const StateRun> runs) const {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  const Tensor before = ops.previous_rows(h, runs, time_slot());
  const auto [xr, xk, xv] = ops.lerp(before, h, layer.share_r, layer.share_k, layer.share_v);
  const Tensor xg = is_gated_ ? ops.lerp(before, h, layer.share_g)[0] : Tensor();
  const auto [r, k, v, g] =
      ops.products({{xr, layer.receptance}, {xk, layer.key}, {xv, layer.value}, {xg, layer.gate}});  // perhaps no gate
  Tensor y = ops.wkv({r, k, v, layer.decay, layer.bonus}, own_.n_heads, runs, state_slot());
  y = ops.layer_norm(y, layer.head_norm.weight, layer.head_norm.bias, own_.group_norm_eps, own_.n_heads);
  if (is_gated_) y = ops.gate(g, y, Activation::silu);
  return ops.matmul(y, layer.output);
}

constexpr Part kWhole = Part::whole;

std::vector<WeightName> names_of(bool is_gated) {
  return rwkv_names({
      {"blk.*.time_mix_lerp_k.weight", "blocks.*.att.time_mix_k", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp_v.weight", "blocks.*.att.time_mix_v", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp_r.weight", "blocks.*.att.time_mix_r", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp_g.weight", "blocks.*.att.time_mix_g", kWhole, Change::flattened},
      {"blk.*.time_mix_decay.weight", "blocks.*.att.time_decay", kWhole, Change::exp_neg_exp},
      // 5.1 keeps the logarithm of the bonus, 5.2 the bonus.
      {"blk.*.time_mix_first.weight", is_gated ? "blocks.*.att.time_faaaa" : "blocks.*.att.time_first", kWhole,
       is_gated ? Change::flattened : Change::exp},
      {"blk.*.channel_mix_lerp_k.weight", "blocks.*.ffn.time_mix_k", kWhole, Change::flattened},
      {"blk.*.channel_mix_lerp_r.weight", "blocks.*.ffn.time_mix_r", kWhole, Change::flattened},
  });
}

}  // namespace

std::unique_ptr<Model> make_rwkv5(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  RwkvConfig config = rwkv_config(get, name);
  read_heads(get, config);
  const bool is_gated =
      source.weights.find(source.has_our_names() ? "blk.0.time_mix_gate.weight" : "blocks.0.att.gate.weight")
          .has_value();
  return std::make_unique<Rwkv5>(config, is_gated, source, names_of(is_gated));
}

}  // namespace tidemill
