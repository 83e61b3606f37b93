// LFM2: short gated convolutions, and attention in every few layers.  Reference: transformers, Lfm2ForCausalLM.
#include <string>

#include "models/families.h"
#include "models/recurrent_config.h"

namespace tidemill {
namespace {

class ShortConv final : public TokenMixer {
 public:
  ShortConv(int64_t d_model, int64_t kernel) : d_model_(d_model), kernel_(kernel) {}

  void list_params(const Lister& list) override {
    const Shape square{d_model_, d_model_};
    list("shortconv.in_before.weight", w_before_, square, WeightRole::matrix);
    list("shortconv.in_after.weight", w_after_, square, WeightRole::matrix);
    list("shortconv.in_x.weight", w_x_, square, WeightRole::matrix);
    list("shortconv.conv.weight", conv_, {kernel_, d_model_}, WeightRole::vector);
    list("shortconv.out_proj.weight", w_out_, square, WeightRole::matrix);
  }
  int64_t slot_size() const override { return (kernel_ - 1) * d_model_; }
  Tensor mixed(Ops& ops, const Tensor& h, std::span<const StateRun> runs) const override {
    const auto [before, after, x] = ops.matmul(h, w_before_, w_after_, w_x_);
    return ops.matmul(ops.mul(after, ops.causal_conv(ops.mul(before, x), conv_, {}, runs, 0)), w_out_);
  }

 private:
  int64_t d_model_, kernel_;
  Tensor w_before_, w_after_;  // gates before and after the convolution, [d_model, d_model]
  Tensor w_x_, w_out_;         // [d_model, d_model]
  Tensor conv_;                // [kernel, d_model]
};

struct Lfm2Config {
  DecoderConfig decoder;
  int64_t kernel = 0;
  std::vector<bool> has_conv = {};  // [n_layers]
};

// The feed-forward network's width, which a configuration may give before it is adjusted.
int64_t adjusted_d_ff(const JsonConfig& get, int64_t d_ff) {
  if (!get.flag_or("block_auto_adjust_ff_dim", true)) return d_ff;
  const int64_t multiple = get.count_or("block_multiple_of", kMaxHidden, 256);
  const float adjusted = get.positive_or("block_ffn_dim_multiplier", 1) * static_cast<float>(2 * d_ff / 3);
  if (adjusted > static_cast<float>(kMaxHidden))
    get.fail("block_ffn_dim_multiplier", "makes the feed-forward network wider than " + std::to_string(kMaxHidden));
  const auto width = static_cast<int64_t>(adjusted);
  return (width + multiple - 1) / multiple * multiple;
}

std::vector<bool> conv_layers(const JsonConfig& get, size_t n_layers) {
  if (get.has("layer_types")) return layers_of_type(get, n_layers, "conv");
  std::vector<bool> has_conv(n_layers, get.has("full_attn_idxs"));
  for (const int64_t index : get.has("full_attn_idxs") ? get.integers("full_attn_idxs") : std::vector<int64_t>()) {
    if (index < 0 || index >= static_cast<int64_t>(n_layers))
      get.fail("full_attn_idxs", "holds " + std::to_string(index) + ", which is no layer");
    has_conv[static_cast<size_t>(index)] = false;
  }
  return has_conv;
}

Lfm2Config from_json(const ModelSource& source, std::string_view name) {
  const JsonConfig get = json_config(source);
  Lfm2Config config{.decoder = decoder_config(get, std::string(name))};
  config.decoder.norm_eps = get.positive_or("norm_eps", 1e-5f);
  config.decoder.d_ff = adjusted_d_ff(get, config.decoder.d_ff);
  config.decoder.parts.output = !get.flag_or("tie_embedding", get.flag_or("tie_word_embeddings", true));
  config.decoder.parts.output_optional = false;
  config.decoder.ropes[0] = rope_config(get, config.decoder.head_dim, get.positive_or("theta", 1e6f));
  config.kernel = get.count_or("conv_L_cache", kMaxKernel, 3);
  config.has_conv = conv_layers(get, config.decoder.layers.size());
  if (get.flag_or("conv_bias", false)) get.fail("conv_bias", "is true, which is not supported");
  return config;
}

Lfm2Config from_gguf(const ModelSource& source, std::string_view name) {
  const GgufConfig get(*source.gguf, std::string(name));
  Lfm2Config config{.decoder = decoder_config(get, std::string(name))};
  config.kernel = get.count("shortconv.l_cache", kMaxKernel);
  for (size_t index = 0; index < config.decoder.layers.size(); ++index)
    config.has_conv.push_back(!source.gguf->find("blk." + std::to_string(index) + ".attn_k.weight"));
  return config;
}

std::vector<WeightName> names(const ModelSource& source, int64_t d_model) {
  const bool is_gguf = source.gguf != nullptr;
  const std::string_view in = is_gguf ? "blk.*.shortconv.in_proj" : "model.layers.*.conv.in_proj";
  std::vector<WeightName> all = {
      {"blk.*.shortconv.in_before", in, Part::range, Change::none, {0, 3 * d_model}},
      {"blk.*.shortconv.in_after", in, Part::range, Change::none, {d_model, 3 * d_model}},
      {"blk.*.shortconv.in_x", in, Part::range, Change::none, {2 * d_model, 3 * d_model}},
      {"blk.*.shortconv.conv", is_gguf ? "blk.*.shortconv.conv" : "model.layers.*.conv.conv", Part::whole,
       Change::kernel_first},
      {"output_norm", is_gguf ? "token_embd_norm" : "model.embedding_norm"},
  };
  if (is_gguf) return all;
  const auto add = [&](std::string_view ours, std::string_view theirs) { all.push_back({ours, theirs}); };
  add("blk.*.shortconv.out_proj", "model.layers.*.conv.out_proj");
  add("blk.*.attn_norm", "model.layers.*.operator_norm");
  add("blk.*.attn_q_norm", "model.layers.*.self_attn.q_layernorm");
  add("blk.*.attn_k_norm", "model.layers.*.self_attn.k_layernorm");
  add("blk.*.attn_output", "model.layers.*.self_attn.out_proj");
  add("blk.*.ffn_norm", "model.layers.*.ffn_norm");
  add("blk.*.ffn_gate", "model.layers.*.feed_forward.w1");
  add("blk.*.ffn_up", "model.layers.*.feed_forward.w3");
  add("blk.*.ffn_down", "model.layers.*.feed_forward.w2");
  return llama_names(std::move(all));
}

}  // namespace

std::unique_ptr<Model> make_lfm2(const ModelSource& source, std::string_view name) {
  Lfm2Config config = source.gguf != nullptr ? from_gguf(source, name) : from_json(source, name);
  const int64_t d_model = config.decoder.model.d_model;
  config.decoder.qk_norm = QkNorm::per_head;
  TokenMixers mixers;
  for (const bool has_conv : config.has_conv)
    mixers.push_back(has_conv ? std::make_unique<ShortConv>(d_model, config.kernel) : nullptr);
  return make_decoder(std::move(config.decoder), source, names(source, d_model), nullptr, std::move(mixers));
}

}  // namespace tidemill
