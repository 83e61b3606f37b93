// Qwen 3 Next: three layers of four keep what they saw by the gated delta rule (Yang et al. 2024, arXiv:2412.06464),
// the others have attention whose result is gated; experts, and one that all rows go to. Reference: transformers,
// Qwen3NextForCausalLM.
#include <cmath>
#include <string>

#include "models/families.h"
#include "models/recurrent_config.h"

namespace tidemill {
namespace {

constexpr float kLeastSquare = 1e-6f;  // added to the squares of q and of k

struct DeltaConfig {
  int64_t d_model = 0;
  int64_t n_key_heads = 0, key_dim = 0;  // of q, and of k
  int64_t n_heads = 0, value_dim = 0;    // of v; as many of them as divide among them share a head of q and k
  int64_t kernel = 0;
  float norm_eps = 0;

  int64_t d_keys() const { return n_key_heads * key_dim; }
  int64_t d_values() const { return n_heads * value_dim; }
};

struct Convolved {
  Tensor weight;  // [width, d_model]
  Tensor conv;    // [kernel, width]
};

class DeltaMixer final : public TokenMixer {
 public:
  explicit DeltaMixer(const DeltaConfig& config) : own_(config) {}

  void list_params(const Lister& list) override;
  int64_t slot_size() const override {
    return (own_.kernel - 1) * (2 * own_.d_keys() + own_.d_values()) + own_.d_values() * own_.key_dim;
  }
  Tensor mixed(Ops& ops, const Tensor& h, std::span<const StateRun> runs) const override;

 private:
  DeltaConfig own_;
  Convolved q_, k_, v_;     // of width d_keys, d_keys and d_values
  Tensor w_z_;              // [d_values, d_model]
  Tensor w_rate_, w_step_;  // [n_heads, d_model]
  Tensor step_bias_, a_;    // [n_heads], a below zero
  Tensor head_norm_;        // [value_dim]
  Tensor w_out_;            // [d_model, d_values]
};

void DeltaMixer::list_params(const Lister& list) {
  const int64_t d_model = own_.d_model, d_values = own_.d_values(), n_heads = own_.n_heads;
  const auto convolved = [&](const std::string& name, Convolved& weights, int64_t width) {
    list("ssm_in_" + name + ".weight", weights.weight, {width, d_model}, WeightRole::matrix);
    list("ssm_conv1d_" + name + ".weight", weights.conv, {own_.kernel, width}, WeightRole::vector);
  };
  convolved("q", q_, own_.d_keys());
  convolved("k", k_, own_.d_keys());
  convolved("v", v_, d_values);
  list("ssm_in_z.weight", w_z_, {d_values, d_model}, WeightRole::matrix);
  list("ssm_in_rate.weight", w_rate_, {n_heads, d_model}, WeightRole::matrix);
  list("ssm_in_step.weight", w_step_, {n_heads, d_model}, WeightRole::matrix);
  list("ssm_dt.bias", step_bias_, {n_heads}, WeightRole::vector);
  list("ssm_a", a_, {n_heads}, WeightRole::vector);
  list("ssm_norm.weight", head_norm_, {own_.value_dim}, WeightRole::vector);
  list("ssm_out.weight", w_out_, {d_model, d_values}, WeightRole::matrix);
}

Tensor DeltaMixer::mixed(Ops& ops, const Tensor& h, std::span<const StateRun> runs) const {
  int64_t slot = 0;
  const auto convolved = [&](const Tensor& projected, const Convolved& weights) {
    const Tensor y = ops.causal_conv(projected, weights.conv, {}, runs, slot);
    slot += (own_.kernel - 1) * projected.dim(1);
    return ops.activate(y, Activation::silu);
  };
  const auto unit = [&](const Tensor& x) { return ops.l2_norm(x, {}, kLeastSquare, own_.n_key_heads); };
  const auto [pq, pk, pv, z, p_rate, p_step] = ops.matmul(h, q_.weight, k_.weight, v_.weight, w_z_, w_rate_, w_step_);
  const Tensor q = unit(convolved(pq, q_)), k = unit(convolved(pk, k_)), v = convolved(pv, v_);
  const Tensor rate = ops.activate(p_rate, Activation::sigmoid);
  const Tensor step = ops.activate(ops.add_row(p_step, step_bias_), Activation::softplus);
  const Tensor scaled_q = ops.scale(q, 1.0f / std::sqrt(static_cast<float>(own_.key_dim)));
  const Tensor y = ops.gated_delta_rule({scaled_q, k, v, step, a_, rate}, own_.n_key_heads, runs, slot);
  const Shape heads{h.dim(0) * own_.n_heads, own_.value_dim};
  const Tensor normed = ops.rms_norm(y.reshape(heads), head_norm_, own_.norm_eps).reshape(y.shape());
  return ops.matmul(ops.gate(z, normed, Activation::silu), w_out_);
}

struct Qwen3NextConfig {
  DecoderConfig decoder;
  DeltaConfig delta = {};
  std::vector<bool> has_delta = {};  // [n_layers]
};

// Every `interval`-th layer has attention.
std::vector<bool> all_but_every(int64_t interval, size_t n_layers) {
  std::vector<bool> has_delta(n_layers);
  for (size_t index = 0; index < n_layers; ++index)
    has_delta[index] = (static_cast<int64_t>(index) + 1) % interval != 0;
  return has_delta;
}

void set_common(Qwen3NextConfig& config) {
  config.decoder.qk_norm = QkNorm::per_head;
  config.decoder.parts.attn_gate = true;
  config.delta.d_model = config.decoder.model.d_model;
  config.delta.norm_eps = config.decoder.norm_eps;
}

Qwen3NextConfig from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  Qwen3NextConfig config{.decoder = decoder_config(get, std::string(name), 0.25f)};
  config.decoder.parts.qkv_bias = config.decoder.parts.out_bias = get.flag_or("attention_bias", false);
  if (const std::string act = get.text_or("hidden_act", "silu"); act != "silu")
    get.fail("hidden_act", "is '" + act + "', expected silu");
  if (!get.flag_or("attn_output_gate", true)) get.fail("attn_output_gate", "is false, which is not supported");
  read_qwen_experts(get, config.decoder);
  config.delta = {.n_key_heads = get.count_or("linear_num_key_heads", kMaxHeads, 16),
                  .key_dim = get.count_or("linear_key_head_dim", kMaxStateSize, 128),
                  .n_heads = get.count_or("linear_num_value_heads", kMaxHeads, 32),
                  .value_dim = get.count_or("linear_value_head_dim", kMaxStateSize, 128),
                  .kernel = get.count_or("linear_conv_kernel_dim", kMaxKernel, 4)};
  if (config.delta.n_heads % config.delta.n_key_heads != 0)
    get.fail("linear_num_key_heads", "does not divide linear_num_value_heads");
  const size_t n_layers = config.decoder.layers.size();
  config.has_delta = layers_of_type(get, n_layers, "linear_attention");
  if (config.has_delta.empty())
    config.has_delta = all_but_every(get.count_or("full_attention_interval", kMaxLayers, 4), n_layers);
  set_common(config);
  return config;
}

Qwen3NextConfig from_gguf(const ModelSource& source, std::string_view name) {
  const GgufConfig get(*source.gguf, std::string(name));
  Qwen3NextConfig config{.decoder = decoder_config(get, std::string(name))};
  const int64_t d_values = get.count("ssm.inner_size", kMaxWidth);
  config.delta = {.n_key_heads = get.count("ssm.group_count", kMaxHeads),
                  .key_dim = get.count("ssm.state_size", kMaxStateSize),
                  .n_heads = get.count("ssm.time_step_rank", kMaxHeads),
                  .kernel = get.count("ssm.conv_kernel", kMaxKernel)};
  config.delta.value_dim = d_values / config.delta.n_heads;
  if (config.delta.d_values() != d_values) get.fail("ssm.time_step_rank", "does not divide ssm.inner_size");
  if (config.delta.n_heads % config.delta.n_key_heads != 0)
    get.fail("ssm.group_count", "does not divide ssm.time_step_rank");
  config.has_delta =
      all_but_every(get.count_or("full_attention_interval", kMaxLayers, 4), config.decoder.layers.size());
  set_common(config);
  return config;
}

// Rows of projections that files join: of a query and its gate head by head, of q, k, v and z (or of rate and step)
// for each head of q and k.
class JoinedRows {
 public:
  explicit JoinedRows(const Qwen3NextConfig& config) : decoder_(config.decoder), delta_(config.delta) {}

  void attention(std::string_view theirs) {
    const int64_t head_dim = decoder_.head_dim, total = 2 * decoder_.n_heads * head_dim;
    add("blk.*.attn_q", theirs, {0, total, head_dim, 2 * head_dim});
    add("blk.*.attn_gate", theirs, {head_dim, total, head_dim, 2 * head_dim});
  }
  void by_head(std::string_view theirs) {
    const int64_t key_dim = delta_.key_dim, d_values = shared() * delta_.value_dim, period = 2 * (key_dim + d_values);
    const int64_t total = period * delta_.n_key_heads;
    add("blk.*.ssm_in_q", theirs, {0, total, key_dim, period});
    add("blk.*.ssm_in_k", theirs, {key_dim, total, key_dim, period});
    add("blk.*.ssm_in_v", theirs, {2 * key_dim, total, d_values, period});
    add("blk.*.ssm_in_z", theirs, {2 * key_dim + d_values, total, d_values, period});
  }
  void by_kind(std::string_view theirs) {
    const int64_t d_keys = delta_.d_keys(), total = 2 * d_keys + delta_.d_values();
    add("blk.*.ssm_in_q", theirs, {0, total});
    add("blk.*.ssm_in_k", theirs, {d_keys, total});
    add("blk.*.ssm_in_v", theirs, {2 * d_keys, total});
  }
  void rate_and_step(std::string_view theirs) {
    const int64_t total = 2 * delta_.n_heads;
    add("blk.*.ssm_in_rate", theirs, {0, total, shared(), 2 * shared()});
    add("blk.*.ssm_in_step", theirs, {shared(), total, shared(), 2 * shared()});
  }
  void convolution(std::string_view theirs) {
    const int64_t d_keys = delta_.d_keys(), total = 2 * d_keys + delta_.d_values();
    add("blk.*.ssm_conv1d_q", theirs, {0, total}, Change::kernel_first);
    add("blk.*.ssm_conv1d_k", theirs, {d_keys, total}, Change::kernel_first);
    add("blk.*.ssm_conv1d_v", theirs, {2 * d_keys, total}, Change::kernel_first);
  }

  std::vector<WeightName> names;

 private:
  int64_t shared() const { return delta_.n_heads / delta_.n_key_heads; }
  void add(std::string_view ours, std::string_view theirs, const RowRange& range, Change change = Change::none) {
    names.push_back({ours, theirs, Part::range, change, range});
  }

  const DecoderConfig& decoder_;
  const DeltaConfig& delta_;
};

std::vector<WeightName> names(const Qwen3NextConfig& config) {
  JoinedRows rows(config);
  rows.attention("model.layers.*.self_attn.q_proj");
  rows.by_head("model.layers.*.linear_attn.in_proj_qkvz");
  rows.rate_and_step("model.layers.*.linear_attn.in_proj_ba");
  rows.convolution("model.layers.*.linear_attn.conv1d");
  const auto add = [&](std::string_view ours, std::string_view theirs, Change change = Change::none) {
    rows.names.push_back({ours, theirs, Part::whole, change});
  };
  add("blk.*.ssm_dt.bias", "model.layers.*.linear_attn.dt_bias");
  add("blk.*.ssm_a", "model.layers.*.linear_attn.A_log", Change::neg_exp);
  add("blk.*.ssm_norm", "model.layers.*.linear_attn.norm");
  add("blk.*.ssm_out", "model.layers.*.linear_attn.out_proj");
  add("output_norm", "model.norm", Change::less_one);
  add("blk.*.attn_norm", "model.layers.*.input_layernorm", Change::less_one);
  add("blk.*.ffn_norm", "model.layers.*.post_attention_layernorm", Change::less_one);
  add("blk.*.attn_q_norm", "model.layers.*.self_attn.q_norm", Change::less_one);
  add("blk.*.attn_k_norm", "model.layers.*.self_attn.k_norm", Change::less_one);
  return qwen_names(std::move(rows.names));
}

// The first converter kept the order of q, k, v and z; newer files hold them kind by kind.
std::vector<WeightName> names_of_gguf(const Qwen3NextConfig& config, const GgufFile& file) {
  JoinedRows rows(config);
  rows.attention("blk.*.attn_q");
  rows.rate_and_step("blk.*.ssm_ba");
  rows.convolution("blk.*.ssm_conv1d");
  if (file.find("blk.0.ssm_in.weight")) {
    rows.by_head("blk.*.ssm_in");
  } else {
    rows.by_kind("blk.*.attn_qkv");
    rows.names.push_back({"blk.*.ssm_in_z", "blk.*.attn_gate"});
  }
  // In other architectures attn_qkv joins these.
  for (const std::string_view own : {"blk.*.attn_k", "blk.*.attn_v"}) rows.names.push_back({own, own});
  rows.names.push_back({"blk.*.ffn_norm", "blk.*.post_attention_norm"});
  for (const WeightName& name : gguf_names(file)) rows.names.push_back(name);
  return std::move(rows.names);
}

}  // namespace

std::unique_ptr<Model> make_qwen3next(const ModelSource& source, std::string_view name) {
  const bool is_gguf = source.gguf != nullptr;
  const Qwen3NextConfig config = is_gguf ? from_gguf(source, name) : from_json(source, name);
  TokenMixers mixers;
  for (const bool has_delta : config.has_delta)
    mixers.push_back(has_delta ? std::make_unique<DeltaMixer>(config.delta) : nullptr);
  return make_decoder(config.decoder, source, is_gguf ? names_of_gguf(config, *source.gguf) : names(config), nullptr,
                      std::move(mixers));
}

}  // namespace tidemill
