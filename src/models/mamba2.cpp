// Mamba-2: state space duality, one decay for a head.  Dao and Gu 2024, arXiv:2405.21060.
// Reference: transformers, Mamba2ForCausalLM.
#include <string>
#include <vector>

#include "models/blocks.h"
#include "models/families.h"
#include "models/mamba_layers.h"
#include "models/recurrent_config.h"

namespace tidemill {
namespace {

struct Mamba2Config {
  ModelConfig model;
  int64_t kernel = 0;
  ScanOptions scan = {};
  float norm_eps = 0;
  bool has_bias = false;  // of what goes in and out
  bool has_conv_bias = true;

  int64_t d_inner() const { return scan.n_heads * scan.head_dim; }
  int64_t d_group() const { return scan.n_groups * scan.state_size; }  // of b, and of c
};

// What is convolved together in files; a convolution knows channels only, so that each has its own here.
struct Convolved {
  Tensor weight, in_bias;  // [width, d_model], [width]; no bias in most models
  Tensor conv, bias;       // [kernel, width], [width]
};

struct Layer {
  Tensor w_z;          // [d_inner, d_model]
  Convolved x, b, c;   // of width d_inner, d_group and d_group
  Tensor z_bias;       // [d_inner], as in_bias
  Tensor w_step;       // [n_heads, d_model]
  Tensor p_step_bias;  // [n_heads], likewise
  Tensor step_bias;    // [n_heads]
  Tensor a;            // [n_heads], below zero
  Tensor skip;         // [n_heads]
  Tensor gated_norm;   // [d_inner]
  Tensor w_out;        // [d_model, d_inner]
  Tensor out_bias;     // [d_model], likewise
};

class Mamba2 final : public MambaLayers {
 public:
  Mamba2(const Mamba2Config& config, const ModelSource& source, std::span<const WeightName> names)
      : MambaLayers(config.model, config.norm_eps), own_(config), layers_(static_cast<size_t>(config.model.n_layers)) {
    load(source, names);
  }

 private:
  void list_layer(const LayerLister& list, int64_t index) override;
  int64_t slot_size() const override;
  Tensor mixed(Ops& ops, const Tensor& h, int64_t index, std::span<const StateRun> runs) const override;
  // Rows before those to come that the slot keeps of `width` channels.
  int64_t conv_size(int64_t width) const { return (own_.kernel - 1) * width; }

  Mamba2Config own_;
  std::vector<Layer> layers_;
};

void Mamba2::list_layer(const LayerLister& add, int64_t index) {
  Layer& layer = layers_[static_cast<size_t>(index)];
  const int64_t d_model = config_.d_model, d_inner = own_.d_inner(), n_heads = own_.scan.n_heads;
  const auto convolved = [&](const std::string& name, Convolved& weights, int64_t width) {
    add("ssm_in_" + name + ".weight", weights.weight, {width, d_model}, WeightRole::matrix);
    add("ssm_conv1d_" + name + ".weight", weights.conv, {own_.kernel, width}, WeightRole::vector);
    if (own_.has_conv_bias) add("ssm_conv1d_" + name + ".bias", weights.bias, {width}, WeightRole::vector);
    if (own_.has_bias) add("ssm_in_" + name + ".bias", weights.in_bias, {width}, WeightRole::vector);
  };
  add("ssm_in_z.weight", layer.w_z, {d_inner, d_model}, WeightRole::matrix);
  convolved("x", layer.x, d_inner);
  convolved("b", layer.b, own_.d_group());
  convolved("c", layer.c, own_.d_group());
  add("ssm_in_step.weight", layer.w_step, {n_heads, d_model}, WeightRole::matrix);
  add("ssm_dt.bias", layer.step_bias, {n_heads}, WeightRole::vector);
  add("ssm_a", layer.a, {n_heads}, WeightRole::vector);
  add("ssm_d", layer.skip, {n_heads}, WeightRole::vector);
  add("ssm_norm.weight", layer.gated_norm, {d_inner}, WeightRole::vector);
  add("ssm_out.weight", layer.w_out, {d_model, d_inner}, WeightRole::matrix);
  if (!own_.has_bias) return;
  add("ssm_in_z.bias", layer.z_bias, {d_inner}, WeightRole::vector);
  add("ssm_in_step.bias", layer.p_step_bias, {n_heads}, WeightRole::vector);
  add("ssm_out.bias", layer.out_bias, {d_model}, WeightRole::vector);
}

int64_t Mamba2::slot_size() const {
  return conv_size(own_.d_inner() + 2 * own_.d_group()) + own_.d_inner() * own_.scan.state_size;
}

Tensor Mamba2::mixed(Ops& ops, const Tensor& h, int64_t index, std::span<const StateRun> runs) const {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  int64_t slot = 0;
  const auto convolved = [&](const Tensor& projected, const Convolved& weights) {
    const Tensor y =
        ops.causal_conv(with_bias(ops, projected, weights.in_bias), weights.conv, weights.bias, runs, slot);
    slot += conv_size(projected.dim(1));
    return ops.activate(y, Activation::silu);
  };
  const auto [pz, px, pb, pc, p_step] =
      ops.matmul(h, layer.w_z, layer.x.weight, layer.b.weight, layer.c.weight, layer.w_step);
  const Tensor x = convolved(px, layer.x), b = convolved(pb, layer.b), c = convolved(pc, layer.c);
  const Tensor z = with_bias(ops, pz, layer.z_bias), raw_step = with_bias(ops, p_step, layer.p_step_bias);
  const Tensor step = ops.activate(ops.add_row(raw_step, layer.step_bias), Activation::softplus);
  const Tensor y = ops.selective_scan({x, step, layer.a, b, c, layer.skip}, own_.scan, runs, slot);
  const Tensor gated = ops.gate(z, y, Activation::silu);
  return project(ops, ops.rms_norm(gated, layer.gated_norm, norm_eps_, own_.scan.n_groups),
                 {layer.w_out, layer.out_bias});
}

// The reference limits steps to this range, which nearly always is all numbers above zero.
void expect_no_step_limit(const JsonConfig& get, const nlohmann::json& config) {
  const auto found = config.find("time_step_limit");
  if (found == config.end() || !found->is_array() || found->size() != 2) return;
  const auto& [least, greatest] = std::pair((*found)[0], (*found)[1]);
  if ((least.is_number() && least.get<double>() > 0) || (greatest.is_number() && greatest.get<double>() < 1e30))
    get.fail("time_step_limit", "is " + found->dump() + ", which is not supported");
}

Mamba2Config from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  Mamba2Config config{.model = recurrent_model(get, name)};
  config.kernel = get.count_or("conv_kernel", kMaxKernel, 4);
  config.scan = {.n_heads = get.count_or("num_heads", kMaxHeads, 128),
                 .head_dim = get.count_or("head_dim", kMaxHeadDim, 64),
                 .n_groups = get.count_or("n_groups", kMaxHeads, 8),
                 .state_size = get.count_or("state_size", kMaxStateSize, 128)};
  config.norm_eps = get.positive_or("layer_norm_epsilon", 1e-5f);
  if (config.scan.n_heads % config.scan.n_groups != 0) get.fail("n_groups", "does not divide num_heads");
  config.has_bias = get.flag_or("use_bias", false);
  config.has_conv_bias = get.flag_or("use_conv_bias", true);
  expect_no_step_limit(get, *source.config);
  return config;
}

Mamba2Config from_gguf(const ModelSource& source, std::string_view name) {
  const GgufConfig get(*source.gguf, std::string(name));
  Mamba2Config config{.model = recurrent_model(get, name)};
  config.kernel = get.count("ssm.conv_kernel", kMaxKernel);
  const int64_t d_inner = get.count("ssm.inner_size", kMaxWidth), n_heads = get.count("ssm.time_step_rank", kMaxHeads);
  config.scan = {.n_heads = n_heads,
                 .head_dim = d_inner / n_heads,
                 .n_groups = get.count("ssm.group_count", kMaxHeads),
                 .state_size = get.count("ssm.state_size", kMaxStateSize)};
  config.norm_eps = get.positive("attention.layer_norm_rms_epsilon");
  if (config.d_inner() != d_inner) get.fail("ssm.time_step_rank", "does not divide ssm.inner_size");
  if (n_heads % config.scan.n_groups != 0) get.fail("ssm.group_count", "does not divide ssm.time_step_rank");
  return config;
}

// What a file calls the weights that it joins, transposes or gives more axes.
struct JoinedNames {
  std::string_view in, conv, conv_bias, norm;
};

std::vector<WeightName> joined_names(const Mamba2Config& config, const JoinedNames& theirs) {
  const int64_t d_inner = config.d_inner(), d_group = config.d_group();
  const int64_t d_conv = d_inner + 2 * d_group, d_in = d_inner + d_conv + config.scan.n_heads;
  const auto part = [](std::string_view ours, std::string_view of, int64_t begin, int64_t total,
                       Change change = Change::none) {
    return WeightName{ours, of, Part::range, change, {begin, total}};
  };
  return {
      part("blk.*.ssm_in_z", theirs.in, 0, d_in),
      part("blk.*.ssm_in_x", theirs.in, d_inner, d_in),
      part("blk.*.ssm_in_b", theirs.in, 2 * d_inner, d_in),
      part("blk.*.ssm_in_c", theirs.in, 2 * d_inner + d_group, d_in),
      part("blk.*.ssm_in_step", theirs.in, d_inner + d_conv, d_in),
      part("blk.*.ssm_conv1d_x.weight", theirs.conv, 0, d_conv, Change::kernel_first),
      part("blk.*.ssm_conv1d_b.weight", theirs.conv, d_inner, d_conv, Change::kernel_first),
      part("blk.*.ssm_conv1d_c.weight", theirs.conv, d_inner + d_group, d_conv, Change::kernel_first),
      part("blk.*.ssm_conv1d_x.bias", theirs.conv_bias, 0, d_conv),
      part("blk.*.ssm_conv1d_b.bias", theirs.conv_bias, d_inner, d_conv),
      part("blk.*.ssm_conv1d_c.bias", theirs.conv_bias, d_inner + d_group, d_conv),
      {"blk.*.ssm_norm.weight", theirs.norm, Part::whole, Change::flattened},
  };
}

const WeightName kNames[] = {
    {"token_embd", "backbone.embeddings"},
    {"output_norm", "backbone.norm_f"},
    {"output", "lm_head"},
    {"blk.*.attn_norm", "backbone.layers.*.norm"},
    {"blk.*.ssm_dt.bias", "backbone.layers.*.mixer.dt_bias"},
    {"blk.*.ssm_a", "backbone.layers.*.mixer.A_log", Part::whole, Change::neg_exp},
    {"blk.*.ssm_d", "backbone.layers.*.mixer.D"},
    {"blk.*.ssm_out", "backbone.layers.*.mixer.out_proj"},
};

const WeightName kGgufNames[] = {
    {"blk.*.ssm_a", "blk.*.ssm_a", Part::whole, Change::flattened},
    {"blk.*.ssm_d", "blk.*.ssm_d", Part::whole, Change::flattened},
};

}  // namespace

std::unique_ptr<Model> make_mamba2(const ModelSource& source, std::string_view name) {
  const bool is_gguf = source.gguf != nullptr;
  const Mamba2Config config = is_gguf ? from_gguf(source, name) : from_json(source, name);
  std::vector<WeightName> names = is_gguf ? joined_names(config, {.in = "blk.*.ssm_in",
                                                                  .conv = "blk.*.ssm_conv1d.weight",
                                                                  .conv_bias = "blk.*.ssm_conv1d.bias",
                                                                  .norm = "blk.*.ssm_norm.weight"})
                                          : joined_names(config, {.in = "backbone.layers.*.mixer.in_proj",
                                                                  .conv = "backbone.layers.*.mixer.conv1d.weight",
                                                                  .conv_bias = "backbone.layers.*.mixer.conv1d.bias",
                                                                  .norm = "backbone.layers.*.mixer.norm.weight"});
  const std::span<const WeightName> others = is_gguf ? std::span<const WeightName>(kGgufNames) : kNames;
  names.insert(names.end(), others.begin(), others.end());
  return std::make_unique<Mamba2>(config, source, names);
}

}  // namespace tidemill
