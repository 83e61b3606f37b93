#include "models/onnx/parts.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tidemill::onnx {
namespace {

constexpr int kDeepest = 12;  // nodes one behind the other that an activation is written in

// The matrix of a product, and which way it lies.
bool set_weight(const Trace& trace, OnnxValue matrix, bool is_turned, LinearFound& linear) {
  linear.is_transposed = !is_turned;
  linear.weight = trace.initializer(matrix);
  if (linear.weight == kNoOnnxValue) {
    const OnnxNode* const turn = trace.maker(matrix, "Transpose");
    if (turn == nullptr) return false;
    linear.weight = trace.initializer(turn->input(0));
    linear.is_transposed = is_turned;
  }
  if (linear.weight == kNoOnnxValue) return false;
  const auto& dims = trace.graph().initializers.at(linear.weight).dims;
  if (dims.size() != 2) return false;
  linear.n_out = dims[linear.is_transposed ? 1 : 0];
  return true;
}

std::optional<LinearFound> find_product(const Trace& trace, OnnxValue value) {
  const OnnxNode* const node = trace.maker(trace.source(value));
  if (node == nullptr || (node->op != "MatMul" && node->op != "Gemm")) return {};
  const bool is_plain =
      node->get_or("transA", int64_t{0}) == 0 && node->get_or("alpha", 1.0f) == 1 && node->get_or("beta", 1.0f) == 1;
  LinearFound linear{.input = node->input(0)};
  if (!is_plain || !set_weight(trace, node->input(1), node->get_or("transB", int64_t{0}) != 0, linear)) return {};
  if (node->op == "Gemm" && node->input(2) != kNoOnnxValue) {
    linear.bias = trace.initializer(node->input(2));
    if (linear.bias == kNoOnnxValue) return {};
  }
  return linear;
}

// A number that the graph has as a value of one element.
std::optional<float> number(const Trace& trace, OnnxValue value) {
  if (trace.depends(value)) return {};
  const Value& one = trace.value(value);
  if (one.empty() || one.kind() != Kind::real || one.n() != 1) return {};
  return *one.reals();
}

// The input of `node` that is an initialiser of one axis, and the other one.
OnnxValue vector_input(const Trace& trace, const OnnxNode& node, OnnxValue& other) {
  for (const size_t index : {0, 1}) {
    const OnnxValue vector = trace.initializer(node.input(index));
    if (vector == kNoOnnxValue || trace.graph().initializers.at(vector).dims.size() != 1) continue;
    other = node.input(1 - index);
    return vector;
  }
  return kNoOnnxValue;
}

// x as the graph divides it by its deviation: (x - mean) / sqrt(mean of squares + eps).
std::optional<NormFound> find_unit(const Trace& trace, OnnxValue value) {
  const OnnxNode* const divide = trace.maker(trace.source(value), "Div");
  const OnnxNode* const root = divide == nullptr ? nullptr : trace.maker(divide->input(1), "Sqrt");
  const OnnxNode* const add = root == nullptr ? nullptr : trace.maker(root->input(0), "Add");
  const OnnxNode* const centre = divide == nullptr ? nullptr : trace.maker(trace.source(divide->input(0)), "Sub");
  if (add == nullptr || centre == nullptr) return {};
  const OnnxNode* const mean = trace.maker(centre->input(1), "ReduceMean");
  if (mean == nullptr || trace.source(mean->input(0)) != trace.source(centre->input(0))) return {};
  const auto eps = number(trace, trace.depends(add->input(0)) ? add->input(1) : add->input(0));
  if (!eps) return {};
  return NormFound{.input = centre->input(0), .eps = *eps};
}

float activated(Activation activation, float x) {
  switch (activation) {
    case Activation::gelu:
      return 0.5f * x * (1 + std::erf(x * 0.70710678f));
    case Activation::gelu_tanh:
      return 0.5f * x * (1 + std::tanh(0.79788456f * (x + 0.044715f * x * x * x)));
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::relu:
      return std::max(x, 0.0f);
    default:
      return x;
  }
}

// Whether `found` is activation(gate) * up, or activation(gate) without `up`, in every element.
bool is_activation(Activation activation, const Value& found, const Value& gate, const Value* up) {
  for (int64_t i = 0; i < found.n(); ++i) {
    const float expected = activated(activation, gate.reals()[i]) * (up == nullptr ? 1.0f : up->reals()[i]);
    if (!(std::abs(found.reals()[i] - expected) <= 2e-6f * (1 + std::abs(expected)))) return false;
  }
  return true;
}

std::optional<Activation> find_activation(const Value& found, const Value& gate, const Value* up) {
  if (gate.n() != found.n() || (up != nullptr && up->n() != found.n())) return {};
  for (const Activation one : {Activation::gelu, Activation::gelu_tanh, Activation::silu, Activation::relu}) {
    if (is_activation(one, found, gate, up)) return one;
  }
  return {};
}

// Linear layers, or parts of them, that `value` is made of element by element.
bool find_leaves(const Trace& trace, OnnxValue value, int depth, std::vector<OnnxValue>& leaves) {
  value = trace.source(value);
  if (std::ranges::find(leaves, value) != leaves.end()) return true;
  if (find_part(trace, value)) {
    leaves.push_back(value);
    return leaves.size() <= 2;
  }
  static constexpr std::array<std::string_view, 11> kByElement = {"Add",  "Sub",     "Mul",  "Div",  "Pow", "Erf",
                                                                  "Tanh", "Sigmoid", "Gelu", "Relu", "Exp"};
  const OnnxNode* const node = trace.maker(value);
  if (node == nullptr || depth == 0 || std::ranges::find(kByElement, node->op) == kByElement.end()) return false;
  for (const OnnxValue input : node->inputs) {
    if (trace.depends(input) && !find_leaves(trace, input, depth - 1, leaves)) return false;
  }
  return true;
}

// Which of how many equal parts of the last axis `node` gives as `value`.
bool set_part(const Trace& trace, const OnnxNode& node, OnnxValue value, LinearFound& linear) {
  const int64_t width = trace.value(node.input(0)).last(), own = trace.value(value).last();
  if (own == 0 || width % own != 0) return false;
  linear.n_parts = width / own;
  if (node.op == "Split") {
    linear.part = std::ranges::find(node.outputs, value) - node.outputs.begin();
    return static_cast<int64_t>(node.outputs.size()) == linear.n_parts;
  }
  const Value& begins = trace.value(node.input(1));
  if (begins.kind() != Kind::integer || begins.n() != 1) return false;
  const int64_t begin = *begins.integers() < 0 ? *begins.integers() + width : *begins.integers();
  linear.part = begin / own;
  return begin >= 0 && begin % own == 0 && linear.part < linear.n_parts;
}

}  // namespace

std::optional<LinearFound> find_linear(const Trace& trace, OnnxValue value) {
  value = trace.source(value);
  const OnnxNode* const add = trace.maker(value, "Add");
  if (add == nullptr) return find_product(trace, value);
  OnnxValue other = kNoOnnxValue;
  const OnnxValue bias = vector_input(trace, *add, other);
  if (bias == kNoOnnxValue) return {};
  auto linear = find_product(trace, other);
  if (linear && linear->bias != kNoOnnxValue) return {};
  if (linear) linear->bias = bias;
  return linear;
}

std::optional<LinearFound> find_part(const Trace& trace, OnnxValue value) {
  if (auto whole = find_linear(trace, value)) return whole;
  value = trace.source(value);
  const OnnxNode* const node = trace.maker(value);
  if (node == nullptr || (node->op != "Split" && node->op != "Slice")) return {};
  auto linear = find_linear(trace, node->input(0));
  if (!linear || !set_part(trace, *node, value, *linear)) return {};
  return linear;
}

std::optional<NormFound> find_norm(const Trace& trace, OnnxValue value) {
  value = trace.source(value);
  if (const OnnxNode* const node = trace.maker(value, "LayerNormalization")) {
    const int64_t axis = node->get_or("axis", int64_t{-1});
    NormFound norm{.input = node->input(0),
                   .weight = trace.initializer(node->input(1)),
                   .bias = trace.initializer(node->input(2)),
                   .eps = node->get_or("epsilon", 1e-5f)};
    const bool has_zeros = node->input(2) != kNoOnnxValue && is_all(trace.value(node->input(2)), 0.0f);
    const bool has_bias = node->input(2) != kNoOnnxValue && !has_zeros;
    if (!has_bias) norm.bias = kNoOnnxValue;
    const bool is_last = axis == -1 || axis == trace.value(norm.input).rank() - 1;
    if (!is_last || norm.weight == kNoOnnxValue || (has_bias && norm.bias == kNoOnnxValue)) return {};
    return norm;
  }
  OnnxValue other = value;
  OnnxValue bias = kNoOnnxValue;
  if (const OnnxNode* const add = trace.maker(value, "Add")) {
    bias = vector_input(trace, *add, other);
    if (bias == kNoOnnxValue) return {};
  }
  const OnnxNode* const multiply = trace.maker(trace.source(other), "Mul");
  if (multiply == nullptr) return {};
  OnnxValue unit = kNoOnnxValue;
  const OnnxValue weight = vector_input(trace, *multiply, unit);
  if (weight == kNoOnnxValue) return {};
  auto norm = find_unit(trace, unit);
  if (!norm) return {};
  norm->weight = weight;
  norm->bias = bias;
  return norm;
}

std::optional<HiddenFound> find_hidden(const Trace& trace, OnnxValue value) {
  std::vector<OnnxValue> leaves;
  if (!find_leaves(trace, value, kDeepest, leaves) || leaves.empty()) return {};
  const Value& found = trace.value(trace.source(value));
  if (leaves.size() == 1) {
    const auto activation = find_activation(found, trace.value(leaves[0]), nullptr);
    if (!activation) return {};
    return HiddenFound{.up = *find_part(trace, leaves[0]), .gate = {}, .activation = *activation};
  }
  for (const size_t gate : {0, 1}) {
    const Value& up = trace.value(leaves[1 - gate]);
    const auto activation = find_activation(found, trace.value(leaves[gate]), &up);
    if (!activation) continue;
    return HiddenFound{
        .up = *find_part(trace, leaves[1 - gate]), .gate = find_part(trace, leaves[gate]), .activation = *activation};
  }
  return {};
}

}  // namespace tidemill::onnx
