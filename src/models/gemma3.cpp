#include "models/gemma3.h"

#include <cmath>
#include <string>
#include <vector>

#include "models/gguf_config.h"

namespace tidemill {
namespace {

struct Config {
  int64_t n_heads = 0;
  int64_t n_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t d_ff = 0;
  int64_t window = 0;        // positions that a local layer sees
  int64_t global_every = 0;  // layer i is global when (i + 1) % global_every == 0
  float norm_eps = 0;
  float rope_base_global = 0;
  float rope_base_local = 0;
  float rope_scale_global = 1;  // positions of global layers are divided by it
  float attention_scale = 0;
  float embedding_scale = 0;
};

struct Layer {
  Tensor attn_norm;       // [d_model]
  Tensor wq;              // [n_heads * head_dim, d_model]
  Tensor wk, wv;          // [n_kv_heads * head_dim, d_model]
  Tensor q_norm, k_norm;  // [head_dim]
  Tensor wo;              // [d_model, n_heads * head_dim]
  Tensor post_attn_norm;  // [d_model]
  Tensor ffn_norm;        // [d_model]
  Tensor w_gate, w_up;    // [d_ff, d_model]
  Tensor w_down;          // [d_model, d_ff]
  Tensor post_ffn_norm;   // [d_model]
};

// Angles per position of each pair of elements: base^(-2j / head_dim) / scale, computed as the reference does, in f32.
std::vector<float> inverse_frequencies(int64_t head_dim, float base, float scale) {
  std::vector<float> inv_freq(static_cast<size_t>(head_dim / 2));
  for (size_t pair = 0; pair < inv_freq.size(); ++pair) {
    const float exponent = static_cast<float>(2 * pair) / static_cast<float>(head_dim);
    inv_freq[pair] =
        1.0f / static_cast<float>(std::pow(static_cast<double>(base), static_cast<double>(exponent))) / scale;
  }
  return inv_freq;
}

class Gemma3 final : public Model {
 public:
  explicit Gemma3(const GgufFile& file);

  StateSpec state_spec() const override;
  Tensor forward(Ops& ops, const Batch& batch) const override;
  Tensor logits(Ops& ops, const Tensor& hidden) const override;
  void visit_params(const Visitor& visit) override;

 private:
  void read_config(const GgufFile& file);
  void read_weights(const GgufFile& file);
  bool is_global(int64_t layer) const { return (layer + 1) % own_.global_every == 0; }
  Tensor attention_block(Ops& ops, const Tensor& x, int64_t index, const Tensor& rope, const Batch& batch) const;
  Tensor feed_forward_block(Ops& ops, const Tensor& x, const Layer& layer) const;

  Config own_;
  Tensor embedding_;   // [vocab_size, d_model]
  Tensor output_;      // [vocab_size, d_model]; empty when the head is tied to the embedding
  Tensor final_norm_;  // [d_model]
  std::vector<Layer> layers_;
  std::vector<float> inv_freq_global_, inv_freq_local_;
  Tensor freqs_global_, freqs_local_;  // views of the two, [head_dim / 2]
};

Gemma3::Gemma3(const GgufFile& file) {
  read_config(file);
  read_weights(file);
  inv_freq_global_ = inverse_frequencies(own_.head_dim, own_.rope_base_global, own_.rope_scale_global);
  inv_freq_local_ = inverse_frequencies(own_.head_dim, own_.rope_base_local, 1.0f);
  freqs_global_ = Tensor(inv_freq_global_.data(), DType::f32, {own_.head_dim / 2});
  freqs_local_ = Tensor(inv_freq_local_.data(), DType::f32, {own_.head_dim / 2});
}

void Gemma3::read_config(const GgufFile& file) {
  const GgufConfig get(file, "gemma3");
  config_.architecture = "gemma3";
  config_.n_layers = get.count("block_count", 1024);
  config_.d_model = get.count("embedding_length", 1 << 20);
  config_.context_length = get.count("context_length", 1 << 30);
  own_.n_heads = get.count("attention.head_count", 4096);
  own_.n_kv_heads = get.count_or("attention.head_count_kv", own_.n_heads, own_.n_heads);
  own_.head_dim = get.count_or("attention.key_length", 1 << 16, 256);
  own_.d_ff = get.count("feed_forward_length", 1 << 24);
  own_.window = get.count("attention.sliding_window", 1 << 30);
  own_.global_every = get.count_or("attention.sliding_window_pattern", 1024, 6);
  own_.norm_eps = get.positive("attention.layer_norm_rms_epsilon");
  own_.rope_base_global = get.positive_or("rope.freq_base", 1e6f);
  own_.rope_base_local = get.positive_or("rope.freq_base_swa", 1e4f);
  own_.rope_scale_global = get.positive_or("rope.scaling.factor", 1.0f);
  own_.embedding_scale = std::sqrt(static_cast<float>(config_.d_model));
  // query_pre_attn_scalar is head_dim in every published size but 27B (62 layers), where it is d_model / n_heads.
  const int64_t query_scalar = config_.n_layers == 62 ? config_.d_model / own_.n_heads : own_.head_dim;
  own_.attention_scale = 1.0f / std::sqrt(static_cast<float>(query_scalar));
  if (own_.n_heads % own_.n_kv_heads != 0 || own_.head_dim % 2 != 0 ||
      get.count_or("attention.value_length", 1 << 16, own_.head_dim) != own_.head_dim)
    throw Error(ErrorCode::bad_file, file.path() + ": attention has " + std::to_string(own_.n_heads) + " heads, " +
                                         std::to_string(own_.n_kv_heads) + " kv heads, head_dim " +
                                         std::to_string(own_.head_dim) +
                                         "; expected a multiple, an even head_dim and equal key and value lengths");
}

void Gemma3::read_weights(const GgufFile& file) {
  const int64_t d_model = config_.d_model, d_ff = own_.d_ff, head_dim = own_.head_dim;
  const int64_t d_q = own_.n_heads * head_dim, d_kv = own_.n_kv_heads * head_dim;
  const auto embedding = file.find("token_embd.weight");
  config_.vocab_size = embedding && embedding->shape().rank() == 2 ? embedding->dim(0) : 0;
  embedding_ = file.require("token_embd.weight", {config_.vocab_size, d_model});
  if (file.find("output.weight")) output_ = file.require("output.weight", {config_.vocab_size, d_model});
  final_norm_ = file.require("output_norm.weight", {d_model});
  for (int64_t index = 0; index < config_.n_layers; ++index) {
    const auto get = [&, prefix = "blk." + std::to_string(index) + "."](std::string_view name, const Shape& shape) {
      return file.require(prefix + std::string(name) + ".weight", shape);
    };
    layers_.push_back({
        .attn_norm = get("attn_norm", {d_model}),
        .wq = get("attn_q", {d_q, d_model}),
        .wk = get("attn_k", {d_kv, d_model}),
        .wv = get("attn_v", {d_kv, d_model}),
        .q_norm = get("attn_q_norm", {head_dim}),
        .k_norm = get("attn_k_norm", {head_dim}),
        .wo = get("attn_output", {d_model, d_q}),
        .post_attn_norm = get("post_attention_norm", {d_model}),
        .ffn_norm = get("ffn_norm", {d_model}),
        .w_gate = get("ffn_gate", {d_ff, d_model}),
        .w_up = get("ffn_up", {d_ff, d_model}),
        .w_down = get("ffn_down", {d_model, d_ff}),
        .post_ffn_norm = get("post_ffw_norm", {d_model}),
    });
  }
}

void Gemma3::visit_params(const Visitor& visit) {
  visit("token_embd.weight", embedding_, WeightRole::embedding);
  if (!output_.empty()) visit("output.weight", output_, WeightRole::matrix);
  visit("output_norm.weight", final_norm_, WeightRole::vector);
  for (size_t index = 0; index < layers_.size(); ++index) {
    Layer& layer = layers_[index];
    const auto each = [&, prefix = "blk." + std::to_string(index) + "."](std::string_view name, Tensor& weight,
                                                                         WeightRole role) {
      visit(prefix + std::string(name) + ".weight", weight, role);
    };
    each("attn_norm", layer.attn_norm, WeightRole::vector);
    each("attn_q", layer.wq, WeightRole::matrix);
    each("attn_k", layer.wk, WeightRole::matrix);
    each("attn_v", layer.wv, WeightRole::matrix);
    each("attn_q_norm", layer.q_norm, WeightRole::vector);
    each("attn_k_norm", layer.k_norm, WeightRole::vector);
    each("attn_output", layer.wo, WeightRole::matrix);
    each("post_attention_norm", layer.post_attn_norm, WeightRole::vector);
    each("ffn_norm", layer.ffn_norm, WeightRole::vector);
    each("ffn_gate", layer.w_gate, WeightRole::matrix);
    each("ffn_up", layer.w_up, WeightRole::matrix);
    each("ffn_down", layer.w_down, WeightRole::matrix);
    each("post_ffw_norm", layer.post_ffn_norm, WeightRole::vector);
  }
}

StateSpec Gemma3::state_spec() const {
  return {std::vector<LayerStateSpec>(layers_.size(), {.kv_width = own_.n_kv_heads * own_.head_dim})};
}

Tensor Gemma3::forward(Ops& ops, const Batch& batch) const {
  Tensor x = ops.embed(embedding_, batch.tokens, own_.embedding_scale);       // [n_tokens, d_model]
  const Tensor rope_global = ops.rope_table(batch.positions, freqs_global_);  // [n_tokens, head_dim]
  const Tensor rope_local = ops.rope_table(batch.positions, freqs_local_);
  for (int64_t index = 0; index < config_.n_layers; ++index) {
    const Ops::Scope layer_memory(ops);
    const Layer& layer = layers_[static_cast<size_t>(index)];
    x = ops.add_to(x, attention_block(ops, x, index, is_global(index) ? rope_global : rope_local, batch));
    x = ops.add_to(x, feed_forward_block(ops, x, layer));
  }
  return ops.rms_norm(ops.gather_rows(x, batch.output_rows), final_norm_, own_.norm_eps);
}

Tensor Gemma3::attention_block(Ops& ops, const Tensor& x, int64_t index, const Tensor& rope, const Batch& batch) const {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  const int64_t n_tokens = x.dim(0), head_dim = own_.head_dim;
  // q and k are normalised head by head, hence the view as [n_tokens * n_heads, head_dim].
  const auto per_head = [&](const Tensor& t, const Tensor& norm) {
    const Tensor heads = ops.rms_norm(t.reshape({n_tokens * t.dim(1) / head_dim, head_dim}), norm, own_.norm_eps);
    return ops.rope(heads.reshape(t.shape()), rope, head_dim);
  };
  const Tensor h = ops.rms_norm(x, layer.attn_norm, own_.norm_eps);  // [n_tokens, d_model]
  const auto [q, k, v] = ops.matmul(h, layer.wq, layer.wk, layer.wv);
  const Tensor mixed = ops.attention(per_head(q, layer.q_norm), per_head(k, layer.k_norm), v, batch.runs(index),
                                     {.n_heads = own_.n_heads,
                                      .n_kv_heads = own_.n_kv_heads,
                                      .head_dim = head_dim,
                                      .scale = own_.attention_scale,
                                      .window = is_global(index) ? 0 : own_.window});
  return ops.rms_norm(ops.matmul(mixed, layer.wo), layer.post_attn_norm, own_.norm_eps);
}

Tensor Gemma3::feed_forward_block(Ops& ops, const Tensor& x, const Layer& layer) const {
  const Tensor h = ops.rms_norm(x, layer.ffn_norm, own_.norm_eps);
  const auto [gate, up] = ops.matmul(h, layer.w_gate, layer.w_up);  // [n_tokens, d_ff]
  return ops.rms_norm(ops.matmul(ops.gate(gate, up, Activation::gelu_tanh), layer.w_down), layer.post_ffn_norm,
                      own_.norm_eps);
}

Tensor Gemma3::logits(Ops& ops, const Tensor& hidden) const {
  return ops.matmul(hidden, output_.empty() ? embedding_ : output_);
}

}  // namespace

std::unique_ptr<Model> make_gemma3(const GgufFile& file) {
  return std::make_unique<Gemma3>(file);
}

}  // namespace tidemill
