#include "models/onnx/encoder_graph.h"

#include <cmath>
#include <limits>
#include <utility>

#include "models/rope.h"
#include "tidemill/error.h"

namespace tidemill::onnx {
namespace {

using Ints = OnnxBuilder::Ints;

class GraphWriter {
 public:
  explicit GraphWriter(const EncoderConfig& config) : config_(config) {}

  OnnxBuilder write();

 private:
  struct Turn {
    std::string cosine, sine;  // [tokens, head_dim]
  };

  std::string embeddings();
  std::string position_rows();
  std::string mask(int64_t window);
  Turn turn(const RopeConfig& rope);
  std::string norm(const std::string& x, const std::string& name);
  std::string linear(const std::string& x, const std::string& name, bool has_bias);
  std::string heads(const std::string& x, const EncoderLayer& layer, bool is_key, bool is_placed);
  std::string rotated(const std::string& x, const Turn& turn);
  std::string activated(const std::string& x);
  std::string attention(const std::string& x, size_t index);
  std::string feed_forward(const std::string& x, const std::string& prefix);
  std::string layer(const std::string& x, size_t index);
  std::string add(const std::string& a, const std::string& b) { return graph_.node("Add", {a, b}); }
  std::string mul(const std::string& a, const std::string& b) { return graph_.node("Mul", {a, b}); }

  const EncoderConfig& config_;
  OnnxBuilder graph_;
  std::string places_;  // 0, 1, ... of the tokens
  std::string padding_mask_;
  std::vector<std::pair<int64_t, std::string>> masks_;  // by window
  std::vector<Turn> turns_;
};

std::string GraphWriter::norm(const std::string& x, const std::string& name) {
  const OnnxBuilder::Attribute axis{.name = "axis", .ints = {-1}}, eps{.name = "epsilon", .real = config_.norm_eps};
  const std::string weight = name + ".weight", bias = name + ".bias";
  if (config_.parts.norm_bias) return graph_.node("LayerNormalization", {x, weight, bias}, {axis, eps});
  return graph_.node("LayerNormalization", {x, weight}, {axis, eps});
}

std::string GraphWriter::linear(const std::string& x, const std::string& name, bool has_bias) {
  const std::string product = graph_.node("MatMul", {x, name + ".weight"});
  return has_bias ? add(product, name + ".bias") : product;
}

// RoBERTa counts tokens but padding, which has a row of its own.
std::string GraphWriter::position_rows() {
  if (config_.padding_id < 0)
    return config_.first_position == 0 ? places_ : add(places_, graph_.integers({config_.first_position}, true));
  const std::string padding = graph_.integers({config_.padding_id}, true);
  const std::string is_text = graph_.node("Not", {graph_.node("Equal", {"input_ids", padding})});
  const std::string ones = graph_.node("Cast", {is_text}, {{.name = "to", .ints = {7}}});
  return add(mul(graph_.node("CumSum", {ones, graph_.integers({1}, true)}), ones), padding);
}

std::string GraphWriter::embeddings() {
  std::string x = graph_.node("Gather", {"token_embd.weight", "input_ids"});
  if (config_.n_types > 0) x = add(x, graph_.node("Gather", {"token_types.weight", "token_type_ids"}));
  if (config_.n_position_rows > 0) x = add(x, graph_.node("Gather", {"position_embd.weight", position_rows()}));
  return config_.parts.embedding_norm ? norm(x, "token_embd_norm") : x;
}

// What is added to scores, [batch, 1, 1 or tokens, tokens].
std::string GraphWriter::mask(int64_t window) {
  for (const auto& [known, name] : masks_) {
    if (known == window) return name;
  }
  std::string name = padding_mask_;
  if (window > 0) {
    const std::string across = graph_.node("Unsqueeze", {places_, graph_.integers({0})});
    const std::string down = graph_.node("Unsqueeze", {places_, graph_.integers({1})});
    const std::string distance = graph_.node("Abs", {graph_.node("Sub", {across, down})});
    const std::string sees = graph_.node("Less", {distance, graph_.integers({window}, true)});
    const std::string lowest = graph_.real(std::numeric_limits<float>::lowest());
    name = graph_.node("Where", {sees, padding_mask_, lowest});
  }
  masks_.emplace_back(window, name);
  return name;
}

GraphWriter::Turn GraphWriter::turn(const RopeConfig& rope) {
  const RopeFrequencies frequencies = rope_frequencies(rope);
  const std::string inv_freq = graph_.reals(frequencies.inv_freq);
  const std::string places = graph_.node("Cast", {places_}, {{.name = "to", .ints = {1}}});
  const std::string half = mul(graph_.node("Unsqueeze", {places, graph_.integers({1})}), inv_freq);
  const std::string angles = graph_.node("Concat", {half, half}, {{.name = "axis", .ints = {-1}}});
  const std::string scale = graph_.real(frequencies.scale);
  return {.cosine = mul(graph_.node("Cos", {angles}), scale), .sine = mul(graph_.node("Sin", {angles}), scale)};
}

std::string GraphWriter::rotated(const std::string& x, const Turn& turn) {
  const auto [first, second] = graph_.halves(x);
  const std::string other =
      graph_.node("Concat", {graph_.node("Neg", {second}), first}, {{.name = "axis", .ints = {-1}}});
  return add(mul(x, turn.cosine), mul(other, turn.sine));
}

// [batch, heads, tokens, head_dim], of keys with the last two the other way round.
std::string GraphWriter::heads(const std::string& x, const EncoderLayer& layer, bool is_key, bool is_placed) {
  const std::string shape = graph_.integers({0, 0, config_.n_heads, config_.head_dim});
  const bool turns = is_placed && layer.rope >= 0;
  const Ints order = is_key && !turns ? Ints{0, 2, 3, 1} : Ints{0, 2, 1, 3};
  const std::string apart = graph_.node("Transpose", {graph_.node("Reshape", {x, shape})},
                                        {{.name = "perm", .ints = order, .is_list = true}});
  if (!turns) return apart;
  const std::string placed = rotated(apart, turns_[static_cast<size_t>(layer.rope)]);
  if (!is_key) return placed;
  return graph_.node("Transpose", {placed}, {{.name = "perm", .ints = {0, 1, 3, 2}, .is_list = true}});
}

std::string GraphWriter::attention(const std::string& x, size_t index) {
  const EncoderLayer& layer = config_.layers[index];
  const std::string prefix = "blk." + std::to_string(index) + ".attn_";
  const bool has_bias = config_.parts.qkv_bias;
  const std::string q = heads(linear(x, prefix + "q", has_bias), layer, false, true);
  const std::string k = heads(linear(x, prefix + "k", has_bias), layer, true, true);
  const std::string v = heads(linear(x, prefix + "v", has_bias), layer, false, false);
  const float scale =
      config_.attention_scale != 0 ? config_.attention_scale : 1 / std::sqrt(static_cast<float>(config_.head_dim));
  const std::string scores = mul(graph_.node("MatMul", {q, k}), graph_.real(scale));
  const std::string shares =
      graph_.node("Softmax", {add(scores, mask(layer.window))}, {{.name = "axis", .ints = {-1}}});
  const std::string mixed = graph_.node("Transpose", {graph_.node("MatMul", {shares, v})},
                                        {{.name = "perm", .ints = {0, 2, 1, 3}, .is_list = true}});
  const std::string shape = graph_.integers({0, 0, config_.n_heads * config_.head_dim});
  return linear(graph_.node("Reshape", {mixed, shape}), prefix + "output", config_.parts.out_bias);
}

std::string GraphWriter::activated(const std::string& x) {
  const auto number = [&](float value) { return graph_.real(value); };
  switch (config_.activation) {
    case Activation::relu:
      return graph_.node("Relu", {x});
    case Activation::silu:
      return mul(x, graph_.node("Sigmoid", {x}));
    case Activation::gelu_tanh: {
      const std::string cube = mul(mul(mul(x, x), x), number(0.044715f));
      const std::string inner = graph_.node("Tanh", {mul(add(x, cube), number(0.7978845608f))});
      return mul(mul(x, add(inner, number(1))), number(0.5f));
    }
    default: {
      const std::string inner = graph_.node("Erf", {graph_.node("Div", {x, number(1.4142135624f)})});
      return mul(mul(x, add(inner, number(1))), number(0.5f));
    }
  }
}

std::string GraphWriter::feed_forward(const std::string& x, const std::string& prefix) {
  const bool has_bias = config_.parts.ffn_bias;
  const std::string up = linear(x, prefix + "ffn_up", has_bias);
  const std::string hidden =
      config_.is_gated ? mul(activated(linear(x, prefix + "ffn_gate", has_bias)), up) : activated(up);
  return linear(hidden, prefix + "ffn_down", has_bias);
}

std::string GraphWriter::layer(const std::string& x, size_t index) {
  const std::string prefix = "blk." + std::to_string(index) + ".";
  if (config_.norms_first) {
    const bool has_norm = config_.layers[index].has_attn_norm;
    const std::string middle = add(x, attention(has_norm ? norm(x, prefix + "attn_norm") : x, index));
    return add(middle, feed_forward(norm(middle, prefix + "ffn_norm"), prefix));
  }
  const std::string middle = norm(add(x, attention(x, index)), prefix + "attn_output_norm");
  return norm(add(middle, feed_forward(middle, prefix)), prefix + "layer_output_norm");
}

OnnxBuilder GraphWriter::write() {
  graph_.input("input_ids", {"batch", "tokens"});
  graph_.input("attention_mask", {"batch", "tokens"});
  if (config_.n_types > 0) graph_.input("token_type_ids", {"batch", "tokens"});
  const std::string one = graph_.integers({1}, true), zero = graph_.integers({0}, true);
  const std::string n_tokens = graph_.node("Gather", {graph_.node("Shape", {"input_ids"}), one});
  places_ = graph_.node("Range", {zero, n_tokens, one});
  const std::string kept = graph_.node("Cast", {"attention_mask"}, {{.name = "to", .ints = {1}}});
  const std::string hidden =
      mul(graph_.node("Sub", {graph_.real(1), kept}), graph_.real(std::numeric_limits<float>::lowest()));
  padding_mask_ = graph_.node("Unsqueeze", {hidden, graph_.integers({1, 2})});
  for (const RopeConfig& rope : config_.ropes) turns_.push_back(turn(rope));
  std::string x = embeddings();
  for (size_t index = 0; index < config_.layers.size(); ++index) x = layer(x, index);
  if (config_.norms_first) x = norm(x, "output_norm");
  graph_.output("last_hidden_state", x, {"batch", "tokens"}, config_.model.d_model);
  return std::move(graph_);
}

}  // namespace

OnnxBuilder encoder_graph(const EncoderConfig& config, const std::string& path) {
  const auto fail = [&](const std::string& why) {
    throw Error(ErrorCode::unsupported, path + ": " + why + " are not written as ONNX; write another format");
  };
  if (config.norm != NormKind::layer) fail("RMS norms");
  if (config.n_buckets > 0) fail("biases by distance");
  for (const RopeConfig& rope : config.ropes) {
    if (rope.n_rotated != config.head_dim) fail("heads of which a part rotates");
  }
  return GraphWriter(config).write();
}

const std::vector<WeightName>& encoder_graph_names() {
  static const std::vector<WeightName> names = [] {
    std::vector<WeightName> all;
    for (const std::string_view name :
         {"blk.*.attn_q.weight", "blk.*.attn_k.weight", "blk.*.attn_v.weight", "blk.*.attn_output.weight",
          "blk.*.ffn_gate.weight", "blk.*.ffn_up.weight", "blk.*.ffn_down.weight"}) {
      all.push_back({.ours = name, .theirs = name, .change = Change::transposed});
    }
    return all;
  }();
  return names;
}

}  // namespace tidemill::onnx
