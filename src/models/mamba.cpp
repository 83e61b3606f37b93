// Mamba: selective state spaces.  Gu and Dao 2023, arXiv:2312.00752.  Reference: transformers, MambaForCausalLM.
#include <string>
#include <vector>

#include "models/blocks.h"
#include "models/families.h"
#include "models/mamba_layers.h"
#include "models/recurrent_config.h"

namespace tidemill {
namespace {

struct MambaConfig {
  ModelConfig model;
  int64_t d_inner = 0, kernel = 0, state_size = 0, step_rank = 0;
  float norm_eps = 0;
  bool has_bias = false;  // of what goes in and out
  bool has_conv_bias = true;
};

struct Layer {
  Tensor w_x, w_z;              // [d_inner, d_model]: what is scanned, and its gate
  Tensor x_bias, z_bias;        // [d_inner]; none in most models
  Tensor conv, conv_bias;       // [kernel, d_inner], [d_inner]
  Tensor w_step_low, w_b, w_c;  // [step_rank, d_inner], [state_size, d_inner]
  Tensor w_step, step_bias;     // [d_inner, step_rank], [d_inner]
  Tensor a;                     // [state_size, d_inner], below zero
  Tensor skip;                  // [d_inner]
  Tensor w_out, out_bias;       // [d_model, d_inner], [d_model]
};

class Mamba final : public MambaLayers {
 public:
  Mamba(const MambaConfig& config, const ModelSource& source, std::span<const WeightName> names)
      : MambaLayers(config.model, config.norm_eps), own_(config), layers_(static_cast<size_t>(config.model.n_layers)) {
    load(source, names);
  }

 private:
  void list_layer(const LayerLister& list, int64_t index) override;
  int64_t slot_size() const override;
  Tensor mixed(Ops& ops, const Tensor& h, int64_t index, std::span<const StateRun> runs) const override;
  // Of a layer's slot: the rows before those to come, then the numbers of each channel.
  int64_t conv_size() const { return (own_.kernel - 1) * own_.d_inner; }
  int64_t scan_size() const { return own_.d_inner * own_.state_size; }

  MambaConfig own_;
  std::vector<Layer> layers_;
};

void Mamba::list_layer(const LayerLister& add, int64_t index) {
  Layer& layer = layers_[static_cast<size_t>(index)];
  const int64_t d_model = config_.d_model, d_inner = own_.d_inner, size = own_.state_size, rank = own_.step_rank;
  add("ssm_in_x.weight", layer.w_x, {d_inner, d_model}, WeightRole::matrix);
  add("ssm_in_z.weight", layer.w_z, {d_inner, d_model}, WeightRole::matrix);
  add("ssm_conv1d.weight", layer.conv, {own_.kernel, d_inner}, WeightRole::vector);
  if (own_.has_conv_bias) add("ssm_conv1d.bias", layer.conv_bias, {d_inner}, WeightRole::vector);
  add("ssm_x_step.weight", layer.w_step_low, {rank, d_inner}, WeightRole::matrix);
  add("ssm_x_b.weight", layer.w_b, {size, d_inner}, WeightRole::matrix);
  add("ssm_x_c.weight", layer.w_c, {size, d_inner}, WeightRole::matrix);
  add("ssm_dt.weight", layer.w_step, {d_inner, rank}, WeightRole::matrix);
  add("ssm_dt.bias", layer.step_bias, {d_inner}, WeightRole::vector);
  add("ssm_a", layer.a, {size, d_inner}, WeightRole::vector);
  add("ssm_d", layer.skip, {d_inner}, WeightRole::vector);
  add("ssm_out.weight", layer.w_out, {d_model, d_inner}, WeightRole::matrix);
  if (!own_.has_bias) return;
  add("ssm_in_x.bias", layer.x_bias, {d_inner}, WeightRole::vector);
  add("ssm_in_z.bias", layer.z_bias, {d_inner}, WeightRole::vector);
  add("ssm_out.bias", layer.out_bias, {d_model}, WeightRole::vector);
}

int64_t Mamba::slot_size() const {
  return conv_size() + scan_size();
}

Tensor Mamba::mixed(Ops& ops, const Tensor& h, int64_t index, std::span<const StateRun> runs) const {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  const auto [px, pz] = ops.matmul(h, layer.w_x, layer.w_z);  // [n_tokens, d_inner]
  const Tensor x = with_bias(ops, px, layer.x_bias), z = with_bias(ops, pz, layer.z_bias);
  const Tensor u = ops.activate(ops.causal_conv(x, layer.conv, layer.conv_bias, runs, 0), Activation::silu);
  const auto [low, b, c] = ops.matmul(u, layer.w_step_low, layer.w_b, layer.w_c);
  const Tensor step = ops.activate(ops.add_row(ops.matmul(low, layer.w_step), layer.step_bias), Activation::softplus);
  const Tensor y = ops.selective_scan(
      {u, step, layer.a, b, c, layer.skip},
      {.n_heads = own_.d_inner, .head_dim = 1, .n_groups = 1, .state_size = own_.state_size}, runs, conv_size());
  return project(ops, ops.gate(z, y, Activation::silu), {layer.w_out, layer.out_bias});
}

MambaConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  MambaConfig config;
  config.model = recurrent_model(get, name);
  const int64_t d_model = config.model.d_model;
  config.d_inner = get.count_or("intermediate_size", kMaxWidth, get.count_or("expand", 64, 2) * d_model);
  config.kernel = get.count_or("conv_kernel", kMaxKernel, 4);
  config.state_size = get.count_or("state_size", kMaxStateSize, 16);
  config.step_rank = get.count_or("time_step_rank", kMaxWidth, (d_model + 15) / 16);
  config.norm_eps = get.positive_or("layer_norm_epsilon", 1e-5f);
  config.has_bias = get.flag_or("use_bias", false);
  config.has_conv_bias = get.flag_or("use_conv_bias", true);
  return config;
}

MambaConfig from_gguf(const ModelSource& source, std::string_view name) {
  const GgufConfig get(*source.gguf, std::string(name));
  MambaConfig config;
  config.model = recurrent_model(get, name);
  config.d_inner = get.count("ssm.inner_size", kMaxWidth);
  config.kernel = get.count("ssm.conv_kernel", kMaxKernel);
  config.state_size = get.count("ssm.state_size", kMaxStateSize);
  config.step_rank = get.count("ssm.time_step_rank", kMaxWidth);
  config.norm_eps = get.positive("attention.layer_norm_rms_epsilon");
  if (get.flag_or("ssm.dt_b_c_rms", false)) get.fail("ssm.dt_b_c_rms", "is true, which is not supported");
  return config;
}

// What a file calls the weights that it joins or transposes.
struct MambaNames {
  std::string_view in, x, conv;
};

std::vector<WeightName> joined_names(const MambaConfig& config, const MambaNames& theirs) {
  const int64_t rank = config.step_rank, size = config.state_size, total = rank + 2 * size;
  return {
      {"blk.*.ssm_in_x", theirs.in, Part::first_half},
      {"blk.*.ssm_in_z", theirs.in, Part::second_half},
      {"blk.*.ssm_conv1d.weight", theirs.conv, Part::whole, Change::kernel_first},
      {"blk.*.ssm_x_step", theirs.x, Part::range, Change::none, {0, total}},
      {"blk.*.ssm_x_b", theirs.x, Part::range, Change::none, {rank, total}},
      {"blk.*.ssm_x_c", theirs.x, Part::range, Change::none, {rank + size, total}},
  };
}

std::vector<WeightName> names_in_json(const MambaConfig& config) {
  std::vector<WeightName> names = joined_names(config, {.in = "backbone.layers.*.mixer.in_proj",
                                                        .x = "backbone.layers.*.mixer.x_proj",
                                                        .conv = "backbone.layers.*.mixer.conv1d.weight"});
  const WeightName others[] = {
      {"token_embd", "backbone.embeddings"},
      {"output_norm", "backbone.norm_f"},
      {"output", "lm_head"},
      {"blk.*.attn_norm", "backbone.layers.*.norm"},
      {"blk.*.ssm_conv1d.bias", "backbone.layers.*.mixer.conv1d.bias"},
      {"blk.*.ssm_dt", "backbone.layers.*.mixer.dt_proj"},
      {"blk.*.ssm_a", "backbone.layers.*.mixer.A_log", Part::whole, Change::transposed_neg_exp},
      {"blk.*.ssm_d", "backbone.layers.*.mixer.D"},
      {"blk.*.ssm_out", "backbone.layers.*.mixer.out_proj"},
  };
  names.insert(names.end(), std::begin(others), std::end(others));
  return names;
}

}  // namespace

std::unique_ptr<Model> make_mamba(const ModelSource& source, std::string_view name) {
  if (source.gguf == nullptr) {
    const MambaConfig config = from_json(source, name);
    return std::make_unique<Mamba>(config, source, names_in_json(config));
  }
  const MambaConfig config = from_gguf(source, name);
  std::vector<WeightName> names =
      joined_names(config, {.in = "blk.*.ssm_in", .x = "blk.*.ssm_x", .conv = "blk.*.ssm_conv1d.weight"});
  names.push_back({"blk.*.ssm_a", "blk.*.ssm_a", Part::whole, Change::transposed});
  return std::make_unique<Mamba>(config, source, names);
}

}  // namespace tidemill
