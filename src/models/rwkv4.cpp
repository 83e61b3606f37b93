// RWKV-4: a mean of values whose weights decay by channel.  Peng et al. 2023, arXiv:2305.13048.
// Reference: the authors' code in the layout of their checkpoints, and transformers' RwkvForCausalLM.
#include <string>
#include <vector>

#include "models/families.h"
#include "models/rwkv.h"

namespace tidemill {
namespace {

struct Layer {
  Tensor share_k, share_v, share_r;       // [d_model]
  Tensor decay, bonus;                    // [d_model]; decays are below zero
  Tensor key, value, receptance, output;  // [d_model, d_model]
};

class Rwkv4 final : public ChannelMixedRwkv {
 public:
  Rwkv4(const RwkvConfig& config, const ModelSource& source, std::span<const WeightName> names)
      : ChannelMixedRwkv(config, 3 * config.model.d_model, Shares::of_row),
        layers_(static_cast<size_t>(config.model.n_layers)) {
    load(source, names);
  }

 private:
  void list_time_mix(const LayerLister& list, int64_t index) override;
  Tensor time_mix(Ops& ops, const Tensor& h, int64_t index, std::span<const StateRun> runs) const override;

  std::vector<Layer> layers_;
};

void Rwkv4::list_time_mix(const LayerLister& list, int64_t index) {
  Layer& layer = layers_[static_cast<size_t>(index)];
  const int64_t d_model = config_.d_model;
  list.vector("time_mix_lerp_k.weight", layer.share_k, d_model);
  list.vector("time_mix_lerp_v.weight", layer.share_v, d_model);
  list.vector("time_mix_lerp_r.weight", layer.share_r, d_model);
  list.vector("time_mix_decay.weight", layer.decay, d_model);
  list.vector("time_mix_first.weight", layer.bonus, d_model);
  list.matrix("time_mix_key.weight", layer.key, d_model, d_model);
  list.matrix("time_mix_value.weight", layer.value, d_model, d_model);
  list.matrix("time_mix_receptance.weight", layer.receptance, d_model, d_model);
  list.matrix("time_mix_output.weight", layer.output, d_model, d_model);
}

Tensor Rwkv4::time_mix(Ops& ops, const Tensor& h, int64_t index, std::span<const StateRun> runs) const {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  const Tensor before = ops.previous_rows(h, runs, time_slot());
  const auto [xk, xv, xr] = ops.lerp(before, h, layer.share_k, layer.share_v, layer.share_r);
  const auto [k, v, r] = ops.products({{xk, layer.key}, {xv, layer.value}, {xr, layer.receptance}});
  const Tensor mean = ops.wkv4(k, v, layer.decay, layer.bonus, runs, state_slot());
  return ops.matmul(ops.gate(r, mean, Activation::sigmoid), layer.output);
}

constexpr Part kWhole = Part::whole;

std::vector<WeightName> names() {
  return rwkv_names({
      {"blk.*.time_mix_lerp_k.weight", "blocks.*.att.time_mix_k", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp_v.weight", "blocks.*.att.time_mix_v", kWhole, Change::flattened},
      {"blk.*.time_mix_lerp_r.weight", "blocks.*.att.time_mix_r", kWhole, Change::flattened},
      {"blk.*.time_mix_decay.weight", "blocks.*.att.time_decay", kWhole, Change::neg_exp},
      {"blk.*.time_mix_first.weight", "blocks.*.att.time_first", kWhole, Change::flattened},
      {"blk.*.channel_mix_lerp_k.weight", "blocks.*.ffn.time_mix_k", kWhole, Change::flattened},
      {"blk.*.channel_mix_lerp_r.weight", "blocks.*.ffn.time_mix_r", kWhole, Change::flattened},
  });
}

const WeightName kTransformersNames[] = {
    {"token_embd", "rwkv.embeddings"},
    {"output", "head"},
    {"token_embd_norm", "rwkv.blocks.0.pre_ln"},
    {"output_norm", "rwkv.ln_out"},
    {"blk.*.attn_norm", "rwkv.blocks.*.ln1"},
    {"blk.*.attn_norm_2", "rwkv.blocks.*.ln2"},
    {"blk.*.time_mix_lerp_k.weight", "rwkv.blocks.*.attention.time_mix_key", kWhole, Change::flattened},
    {"blk.*.time_mix_lerp_v.weight", "rwkv.blocks.*.attention.time_mix_value", kWhole, Change::flattened},
    {"blk.*.time_mix_lerp_r.weight", "rwkv.blocks.*.attention.time_mix_receptance", kWhole, Change::flattened},
    {"blk.*.time_mix_decay.weight", "rwkv.blocks.*.attention.time_decay", kWhole, Change::neg_exp},
    {"blk.*.time_mix_first.weight", "rwkv.blocks.*.attention.time_first", kWhole, Change::flattened},
    {"blk.*.time_mix_key", "rwkv.blocks.*.attention.key"},
    {"blk.*.time_mix_value", "rwkv.blocks.*.attention.value"},
    {"blk.*.time_mix_receptance", "rwkv.blocks.*.attention.receptance"},
    {"blk.*.time_mix_output", "rwkv.blocks.*.attention.output"},
    {"blk.*.channel_mix_lerp_k.weight", "rwkv.blocks.*.feed_forward.time_mix_key", kWhole, Change::flattened},
    {"blk.*.channel_mix_lerp_r.weight", "rwkv.blocks.*.feed_forward.time_mix_receptance", kWhole, Change::flattened},
    {"blk.*.channel_mix_key", "rwkv.blocks.*.feed_forward.key"},
    {"blk.*.channel_mix_value", "rwkv.blocks.*.feed_forward.value"},
    {"blk.*.channel_mix_receptance", "rwkv.blocks.*.feed_forward.receptance"},
};

}  // namespace

std::unique_ptr<Model> make_rwkv4(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  const RwkvConfig config = rwkv_config(get, name);
  const int64_t d_model = config.model.d_model;
  if (get.count_or("attention_hidden_size", kMaxWidth, d_model) != d_model)
    get.fail("attention_hidden_size", "is not hidden_size, which is not supported");
  if (name == "rwkv4") return std::make_unique<Rwkv4>(config, source, names());
  return std::make_unique<Rwkv4>(config, source, kTransformersNames);
}

}  // namespace tidemill
