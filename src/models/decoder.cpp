#include "models/decoder.h"

#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace tidemill {
namespace {

constexpr size_t kMaxRopes = 2;

// Tensors that files hold beside the weights: masks and tables that follow from the configuration, and layers that
// guess several tokens at once.
constexpr std::string_view kIgnored[] = {"dense_2.weight",  // of vectors of texts: api/sentence_modules.h
                                         "dense_3.weight",
                                         "rotary_emb.inv_freq",
                                         ".attn.bias",
                                         ".attn.masked_bias",
                                         ".attention.bias",
                                         ".attention.masked_bias",
                                         "rope_freqs.weight",
                                         "rope_factors_long.weight",
                                         "rope_factors_short.weight",
                                         "mtp."};

// One projection of each expert.
struct ExpertLinears {
  std::vector<Tensor> weights;  // [d_out, d_in] each
  std::vector<Tensor> biases;   // [d_out] each; none: no biases
};

struct Experts {
  ExpertLinears gate, up;  // [d_expert, d_model]
  ExpertLinears down;      // [d_model, d_expert]
};

// The expert that every row goes to.
struct SharedExpert {
  Tensor gate, up;  // [d_shared, d_model]
  Tensor down;      // [d_model, d_shared]
  Tensor router;    // [1, d_model]: how much of it a row takes; empty: all
};

struct Layer {
  Norm attn_norm, post_attn_norm;
  Linear wq;              // [n_heads * head_dim, d_model]
  Linear wk, wv;          // [n_kv_heads * head_dim, d_model]
  Tensor q_norm, k_norm;  // [head_dim], or as wide as q and k
  Tensor sinks;           // [n_heads]
  Linear attn_gate;       // as wq
  Linear wo;              // [d_model, n_heads * head_dim]
  Norm ffn_norm, post_ffn_norm;
  Linear w_gate, w_up;  // [d_ff, d_model]
  Linear w_down;        // [d_model, d_ff]
  Linear router;        // [n_experts, d_model]
  Experts experts;
  SharedExpert shared;
};

// Lists weights of one layer by their names within it.
class LayerLister {
 public:
  LayerLister(const Model::Lister& list, std::string prefix) : list_(list), prefix_(std::move(prefix)) {}

  void operator()(const std::string& name, Tensor& tensor, const Shape& shape, WeightRole role) const {
    list_({prefix_ + name, &tensor, shape, role});
  }
  void vector(const std::string& name, Tensor& tensor, int64_t width) const {
    (*this)(name, tensor, {width}, WeightRole::vector);
  }
  void matrix(const std::string& name, Tensor& tensor, int64_t d_out, int64_t d_in) const {
    (*this)(name, tensor, {d_out, d_in}, WeightRole::matrix);
  }
  void linear(const std::string& name, Linear& tensors, int64_t d_out, int64_t d_in, bool has_bias) const {
    matrix(name + ".weight", tensors.weight, d_out, d_in);
    if (has_bias) vector(name + ".bias", tensors.bias, d_out);
  }

 private:
  const Model::Lister& list_;
  std::string prefix_;
};

// What the rotary embeddings of a model at `where` do in longer texts.
LongerTexts longer_texts(std::span<const RopeConfig> ropes, const std::string& where) {
  LongerTexts longer;
  for (const RopeConfig& rope : ropes) {
    if (rope.short_context == 0) continue;
    const LongerTexts found{.length = rope.short_context, .changes_on = rope.long_divisors.empty()};
    if (longer.length > 0 && (longer.length != found.length || longer.changes_on != found.changes_on))
      throw Error(ErrorCode::unsupported,
                  where + ": has rotary embeddings that change at different lengths of text; that is not supported");
    longer = found;
  }
  return longer;
}

class Decoder final : public Model {
 public:
  Decoder(DecoderConfig config, const ModelSource& source, std::span<const WeightName> names, DecoderForm form,
          TokenMixers mixers);

  StateSpec state_spec() const override;
  Tensor forward(Ops& ops, const Batch& batch) const override;
  int64_t n_steps() const override { return config_.n_layers; }
  Tensor step(Ops& ops, const Batch& batch, int64_t index, const Tensor& x) const override;
  Tensor logits(Ops& ops, const Tensor& hidden, const ScoreReach& reach) const override;
  void list_params(const Lister& list) override;
  FileForm form_in(const FileTarget& target) const override;

 private:
  using Ropes = std::array<Tensor, kMaxRopes>;  // tables of the batch's rows, one for each of own_.ropes

  TokenMixer* mixer(int64_t index) const {
    return mixers_.empty() ? nullptr : mixers_[static_cast<size_t>(index)].get();
  }
  void list_layer(const Lister& list, int64_t index);
  void list_attention(const LayerLister& list, Layer& layer) const;
  void list_feed_forward(const LayerLister& list, Layer& layer, const DecoderLayer& kind) const;
  RopeByLength by_length(size_t rope, const Batch& batch) const;
  Tensor embedded(Ops& ops, const Batch& batch) const;
  Ropes ropes_of(Ops& ops, const Batch& batch) const;
  Tensor layer_block(Ops& ops, Tensor x, int64_t index, const Ropes& ropes, const Batch& batch) const;
  Tensor normed(Ops& ops, const Tensor& x, const Norm& norm) const;
  Tensor attention_block(Ops& ops, const Tensor& h, int64_t index, const Ropes& ropes, const Batch& batch) const;
  Tensor feed_forward_block(Ops& ops, const Tensor& h, int64_t index) const;
  Tensor expert_block(Ops& ops, const Tensor& h, const Layer& layer) const;
  Tensor shared_expert(Ops& ops, const Tensor& h, const SharedExpert& expert) const;

  DecoderConfig own_;
  DecoderForm form_;
  Tensor embedding_;  // [vocab_size, d_model]
  Tensor positions_;  // [context_length, d_model]
  Linear output_;     // [vocab_size, d_model]; no weight when the head is tied to the embedding
  Norm final_norm_;
  std::vector<Layer> layers_;
  TokenMixers mixers_;
  std::vector<RopeFrequencies> frequencies_;  // of each of own_.ropes
  std::vector<Tensor> inv_freqs_;             // views of them, [n_rotated / 2]
  std::vector<Tensor> long_inv_freqs_;        // likewise, empty where texts of all lengths have the same
  LongerTexts longer_;
};

Decoder::Decoder(DecoderConfig config, const ModelSource& source, std::span<const WeightName> names, DecoderForm form,
                 TokenMixers mixers)
    : own_(std::move(config)), form_(form), mixers_(std::move(mixers)) {
  config_ = own_.model;
  const std::string& where = source.gguf != nullptr ? source.gguf->path() : source.config_path;
  check_heads(own_, where);
  if (own_.attention_scale == 0) own_.attention_scale = 1.0f / std::sqrt(static_cast<float>(own_.head_dim));
  for (const RopeConfig& rope : own_.ropes) frequencies_.push_back(rope_frequencies(rope));
  for (RopeFrequencies& rope : frequencies_)
    inv_freqs_.emplace_back(rope.inv_freq.data(), DType::f32, Shape{std::ssize(rope.inv_freq)});
  for (RopeFrequencies& rope : frequencies_)
    long_inv_freqs_.push_back(rope.long_inv_freq.empty() ? Tensor()
                                                         : Tensor(rope.long_inv_freq.data(), DType::f32,
                                                                  Shape{std::ssize(rope.long_inv_freq)}));
  longer_ = longer_texts(own_.ropes, where);
  layers_.resize(own_.layers.size());
  const bool is_headless = has_layers_alone(source);
  WeightLoader loader(source.weights, names, own_.heads(), loaded_);
  list_params([&](const Parameter& parameter) {
    if (parameter.role == WeightRole::head && is_headless && !loader.has(parameter)) {
      config_.is_encoder = true;
    } else {
      loader.load(parameter);
    }
  });
  loader.expect_all_used(kIgnored);
  if (own_.both_ways) config_.is_encoder = true;
}

void Decoder::list_params(const Lister& list) {
  const int64_t d_model = config_.d_model;
  list({"token_embd.weight", &embedding_, {config_.vocab_size, d_model}, embedding_role(output_.weight)});
  if (own_.parts.learned_positions)
    list({"position_embd.weight", &positions_, {config_.context_length, d_model}, WeightRole::embedding});
  list({"output_norm.weight", &final_norm_.weight, {d_model}, WeightRole::vector});
  if (own_.parts.norm_bias) list({"output_norm.bias", &final_norm_.bias, {d_model}, WeightRole::vector});
  if (own_.parts.output) {
    list({"output.weight",
          &output_.weight,
          {config_.vocab_size, d_model},
          WeightRole::head,
          own_.parts.output_optional});
  }
  if (own_.parts.output_bias) list({"output.bias", &output_.bias, {config_.vocab_size}, WeightRole::vector});
  for (int64_t index = 0; index < config_.n_layers; ++index) list_layer(list, index);
}

void Decoder::list_layer(const Lister& all, int64_t index) {
  Layer& layer = layers_[static_cast<size_t>(index)];
  const LayerLister list(all, "blk." + std::to_string(index) + ".");
  const auto norm = [&](const std::string& name, Norm& tensors) {
    list.vector(name + ".weight", tensors.weight, config_.d_model);
    if (own_.parts.norm_bias) list.vector(name + ".bias", tensors.bias, config_.d_model);
  };
  if (own_.parts.norms_before) norm("attn_norm", layer.attn_norm);
  if (TokenMixer* const other = mixer(index)) {
    other->list_params(list);
  } else {
    list_attention(list, layer);
  }
  if (own_.parts.norms_after) norm("post_attention_norm", layer.post_attn_norm);
  if (own_.parts.norms_before && own_.parts.ffn_norm) norm("ffn_norm", layer.ffn_norm);
  list_feed_forward(list, layer, own_.layers[static_cast<size_t>(index)]);
  if (own_.parts.norms_after) norm("post_ffw_norm", layer.post_ffn_norm);
}

void Decoder::list_attention(const LayerLister& list, Layer& layer) const {
  const DecoderParts& parts = own_.parts;
  const int64_t d_model = config_.d_model, head_dim = own_.head_dim;
  const int64_t d_q = own_.n_heads * head_dim, d_kv = own_.n_kv_heads * head_dim;
  list.linear("attn_q", layer.wq, d_q, d_model, parts.qkv_bias);
  list.linear("attn_k", layer.wk, d_kv, d_model, parts.qkv_bias);
  list.linear("attn_v", layer.wv, d_kv, d_model, parts.qkv_bias);
  if (own_.qk_norm != QkNorm::none) {
    list.vector("attn_q_norm.weight", layer.q_norm, own_.qk_norm == QkNorm::per_head ? head_dim : d_q);
    list.vector("attn_k_norm.weight", layer.k_norm, own_.qk_norm == QkNorm::per_head ? head_dim : d_kv);
  }
  if (parts.sinks) list.vector("attn_sinks.weight", layer.sinks, own_.n_heads);
  if (parts.attn_gate) list.linear("attn_gate", layer.attn_gate, d_q, d_model, parts.qkv_bias);
  list.linear("attn_output", layer.wo, d_model, d_q, parts.out_bias);
}

void Decoder::list_feed_forward(const LayerLister& list, Layer& layer, const DecoderLayer& kind) const {
  const DecoderParts& parts = own_.parts;
  const int64_t d_model = config_.d_model, d_ff = own_.d_ff, d_shared = own_.d_shared;
  if (!kind.has_experts) {
    if (own_.is_gated) list.linear("ffn_gate", layer.w_gate, d_ff, d_model, parts.ffn_bias);
    list.linear("ffn_up", layer.w_up, d_ff, d_model, parts.ffn_bias);
    list.linear("ffn_down", layer.w_down, d_model, d_ff, parts.ffn_bias);
    return;
  }
  list.linear("ffn_gate_inp", layer.router, own_.n_experts, d_model, parts.router_bias);
  const auto experts = [&](const std::string& name, ExpertLinears& linears, int64_t d_out, int64_t d_in) {
    // Layer by layer, so that a configuration of many takes no memory before the file has shown that it has them.
    linears.weights.resize(static_cast<size_t>(own_.n_experts));
    if (parts.expert_bias) linears.biases.resize(static_cast<size_t>(own_.n_experts));
    for (size_t expert = 0; expert < linears.weights.size(); ++expert) {
      const std::string stem = name + "." + std::to_string(expert);
      list.matrix(stem + ".weight", linears.weights[expert], d_out, d_in);
      if (parts.expert_bias) list.vector(stem + ".bias", linears.biases[expert], d_out);
    }
  };
  experts("ffn_gate", layer.experts.gate, own_.d_expert, d_model);
  experts("ffn_up", layer.experts.up, own_.d_expert, d_model);
  experts("ffn_down", layer.experts.down, d_model, own_.d_expert);
  if (d_shared == 0) return;
  list.matrix("ffn_gate_shexp.weight", layer.shared.gate, d_shared, d_model);
  list.matrix("ffn_up_shexp.weight", layer.shared.up, d_shared, d_model);
  list.matrix("ffn_down_shexp.weight", layer.shared.down, d_model, d_shared);
  if (parts.shared_router) list.matrix("ffn_gate_inp_shexp.weight", layer.shared.router, 1, d_model);
}

FileForm Decoder::form_in(const FileTarget& target) const {
  if (form_ == nullptr || config_.is_encoder) return Model::form_in(target);
  DecoderConfig config = own_;
  config.parts.output = !output_.weight.empty();
  return form_(config, target);
}

StateSpec Decoder::state_spec() const {
  StateSpec spec{.layers = {}, .longer = longer_};
  if (config_.is_encoder) return spec;
  for (const DecoderLayer& layer : own_.layers)
    spec.layers.push_back({.kv_width = own_.n_kv_heads * own_.head_dim, .window = layer.window});
  for (size_t index = 0; index < mixers_.size(); ++index)
    if (mixers_[index] != nullptr) spec.layers[index] = {.slot_size = mixers_[index]->slot_size()};
  return spec;
}

Tensor Decoder::normed(Ops& ops, const Tensor& x, const Norm& norm) const {
  return tidemill::normed(ops, x, norm, own_.norm, own_.norm_eps);
}

RopeByLength Decoder::by_length(size_t rope, const Batch& batch) const {
  const RopeConfig& config = own_.ropes[rope];
  if (config.short_context == 0) return {};
  return {.lengths = batch.lengths,
          .short_length = config.short_context,
          .long_inv_freq = long_inv_freqs_[rope],
          .growth = config.growth};
}

Tensor Decoder::embedded(Ops& ops, const Batch& batch) const {
  const Tensor x = ops.embed(embedding_, batch.tokens, own_.embedding_scale);  // [n_tokens, d_model]
  return own_.parts.learned_positions ? ops.add_to(x, ops.embed(positions_, batch.positions)) : x;
}

Decoder::Ropes Decoder::ropes_of(Ops& ops, const Batch& batch) const {
  Ropes ropes;
  for (size_t i = 0; i < frequencies_.size(); ++i)
    ropes[i] = ops.rope_table(batch.positions, inv_freqs_[i], frequencies_[i].scale, by_length(i, batch));
  return ropes;
}

Tensor Decoder::forward(Ops& ops, const Batch& batch) const {
  Tensor x = embedded(ops, batch);
  const Ropes ropes = ropes_of(ops, batch);
  for (int64_t index = 0; index < config_.n_layers; ++index) x = layer_block(ops, x, index, ropes, batch);
  return normed(ops, ops.gather_rows(x, batch.output_rows), final_norm_);
}

Tensor Decoder::step(Ops& ops, const Batch& batch, int64_t index, const Tensor& x) const {
  const Tensor entered = index == 0 ? embedded(ops, batch) : x;
  const Tensor left = layer_block(ops, entered, index, ropes_of(ops, batch), batch);
  return index + 1 < config_.n_layers ? left : normed(ops, ops.gather_rows(left, batch.output_rows), final_norm_);
}

Tensor Decoder::layer_block(Ops& ops, Tensor x, int64_t index, const Ropes& ropes, const Batch& batch) const {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  const auto scaled = [&](const Tensor& t) { return own_.residual_scale == 1 ? t : ops.scale(t, own_.residual_scale); };
  const auto attended = [&](const Tensor& h) {
    const TokenMixer* const other = mixer(index);
    return scaled(other != nullptr ? other->mixed(ops, h, batch.runs(index))
                                   : attention_block(ops, h, index, ropes, batch));
  };
  const auto fed = [&](const Tensor& h) { return scaled(feed_forward_block(ops, h, index)); };
  const Ops::Scope layer_memory(ops);
  if (own_.is_parallel) {
    const Tensor h = normed(ops, x, layer.attn_norm), from_attention = attended(h);
    const Tensor from_feed_forward = fed(own_.parts.ffn_norm ? normed(ops, x, layer.ffn_norm) : h);
    return ops.add_to(ops.add_to(x, from_attention), from_feed_forward);
  }
  {
    const Ops::Scope attention_memory(ops);  // the feed-forward half needs as much again
    x = ops.add_to(x, attended(normed(ops, x, layer.attn_norm)));
  }
  return ops.add_to(x, fed(normed(ops, x, layer.ffn_norm)));
}

Tensor Decoder::attention_block(Ops& ops, const Tensor& h, int64_t index, const Ropes& ropes,
                                const Batch& batch) const {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  const DecoderLayer& kind = own_.layers[static_cast<size_t>(index)];
  const int64_t n_tokens = h.dim(0), head_dim = own_.head_dim;
  const auto placed = [&](Tensor t, const Tensor& norm) {
    if (own_.qk_norm == QkNorm::whole) t = ops.rms_norm(t, norm, own_.norm_eps);
    if (own_.qk_norm == QkNorm::per_head) {
      const Shape heads{n_tokens * t.dim(1) / head_dim, head_dim};
      t = ops.rms_norm(t.reshape(heads), norm, own_.norm_eps).reshape(t.shape());
    }
    return kind.rope < 0 ? t : ops.rope(t, ropes[static_cast<size_t>(kind.rope)], head_dim, own_.rope_pairs);
  };
  const auto [q, k, v] = ops.matmul(h, layer.wq.weight, layer.wk.weight, layer.wv.weight);
  Tensor mixed = ops.attention(placed(with_bias(ops, q, layer.wq.bias), layer.q_norm),
                               placed(with_bias(ops, k, layer.wk.bias), layer.k_norm), with_bias(ops, v, layer.wv.bias),
                               batch.runs(index),
                               {.n_heads = own_.n_heads,
                                .n_kv_heads = own_.n_kv_heads,
                                .head_dim = head_dim,
                                .scale = own_.attention_scale,
                                .window = kind.window,
                                .both_ways = own_.both_ways,
                                .soft_cap = own_.score_cap,
                                .sinks = layer.sinks});
  if (own_.parts.attn_gate) mixed = ops.gate(project(ops, h, layer.attn_gate), mixed, Activation::sigmoid);
  return normed(ops, project(ops, mixed, layer.wo), layer.post_attn_norm);
}

Tensor Decoder::feed_forward_block(Ops& ops, const Tensor& h, int64_t index) const {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  if (own_.layers[static_cast<size_t>(index)].has_experts)
    return normed(ops, expert_block(ops, h, layer), layer.post_ffn_norm);
  Tensor hidden;  // [n_tokens, d_ff]
  if (own_.is_gated) {
    const auto [gate, up] = ops.matmul(h, layer.w_gate.weight, layer.w_up.weight);
    hidden = ops.gate_in_place(with_bias(ops, gate, layer.w_gate.bias), with_bias(ops, up, layer.w_up.bias),
                               own_.activation);
  } else {
    hidden = ops.activate(project(ops, h, layer.w_up), own_.activation);
  }
  return normed(ops, project(ops, hidden, layer.w_down), layer.post_ffn_norm);
}

Tensor Decoder::expert_block(Ops& ops, const Tensor& h, const Layer& layer) const {
  const auto choice = ops.choose_experts(project(ops, h, layer.router), own_.n_experts_used, own_.router);
  const auto project_each = [&](const Tensor& x, const ExpertLinears& linears) {
    return ops.expert_matmul(x, linears.weights, linears.biases, choice);
  };
  const Tensor gate = project_each(h, layer.experts.gate);  // [n_tokens * n_experts_used, d_expert]
  const Tensor up = project_each(h, layer.experts.up);
  const Tensor mixed = ops.mix_experts(project_each(ops.gate(gate, up, own_.activation), layer.experts.down), choice);
  return own_.d_shared == 0 ? mixed : ops.add_to(mixed, shared_expert(ops, h, layer.shared));
}

Tensor Decoder::shared_expert(Ops& ops, const Tensor& h, const SharedExpert& expert) const {
  const auto [gate, up] = ops.matmul(h, expert.gate, expert.up);
  const Tensor found = ops.matmul(ops.gate(gate, up, own_.activation), expert.down);
  if (expert.router.empty()) return found;
  return ops.mix_experts(found,
                         {.ids = {}, .weights = ops.activate(ops.matmul(h, expert.router), Activation::sigmoid)});
}

Tensor Decoder::logits(Ops& ops, const Tensor& hidden, const ScoreReach& reach) const {
  // What follows a product may bring scores nearer to each other, or in another order.
  const bool is_last = output_.bias.empty() && own_.logit_scale == 1 && own_.logit_cap == 0;
  Tensor scores =
      ops.scores(hidden, output_.weight.empty() ? embedding_ : output_.weight, is_last ? reach : ScoreReach());
  scores = with_bias(ops, scores, output_.bias);
  if (own_.logit_scale != 1) scores = ops.scale(scores, own_.logit_scale);
  return own_.logit_cap == 0 ? scores : ops.soft_cap(scores, own_.logit_cap);
}

}  // namespace

std::unique_ptr<Model> make_decoder(DecoderConfig config, const ModelSource& source, std::span<const WeightName> names,
                                    DecoderForm form, TokenMixers mixers) {
  return std::make_unique<Decoder>(std::move(config), source, names, form, std::move(mixers));
}

}  // namespace tidemill
