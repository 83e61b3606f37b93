#include "models/onnx/trace.h"

#include <algorithm>
#include <span>
#include <utility>

namespace tidemill::onnx {

bool is_all(const Value& value, float x) {
  if (value.empty() || value.kind() != Kind::real) return false;
  return std::ranges::all_of(std::span(value.reals(), static_cast<size_t>(value.n())),
                             [x](float element) { return element == x; });
}

namespace {

bool is_all(const Value& value, bool truth) {
  if (value.empty() || value.kind() != Kind::boolean) return false;
  return std::ranges::all_of(std::span(value.booleans(), static_cast<size_t>(value.n())),
                             [truth](bool element) { return element == truth; });
}

}  // namespace

Trace::Trace(std::shared_ptr<const OnnxFile> file, const Outline& outline, std::span<const int32_t> ids)
    : program_(std::move(file), {outline.output()}), budget_(budget_of_trial(program_.file())) {
  values_ = program_.run(bindings(outline, ids, {}, budget_), budget_, nullptr, Program::Keep::all);
  makers_.resize(values_.size());
  depends_.resize(values_.size());
  for (const OnnxValue input : {outline.ids, outline.types}) depends_[input] = input != kNoOnnxValue;
  for (const size_t index : program_.nodes()) {
    const OnnxNode& node = graph().nodes[index];
    const bool tells_shape = node.op == "Shape" || node.op == "Size";
    const bool is_varying =
        !tells_shape && std::ranges::any_of(node.inputs, [&](OnnxValue input) { return depends_[input]; });
    for (const OnnxValue output : node.outputs) {
      if (output == kNoOnnxValue) continue;
      makers_[output] = &node;
      depends_[output] = is_varying;
    }
  }
}

const Value& Trace::value(OnnxValue value) const {
  const Value* const constant = program_.constant(value);
  return constant != nullptr ? *constant : values_[value];
}

const OnnxNode* Trace::maker(OnnxValue value) const {
  return makers_[value];
}

const OnnxNode* Trace::maker(OnnxValue value, std::string_view op) const {
  const OnnxNode* const node = makers_[value];
  return node != nullptr && node->op == op ? node : nullptr;
}

OnnxValue Trace::initializer(OnnxValue value) const {
  while (const OnnxNode* const node = maker(value, "Identity")) value = node->input(0);
  return graph().initializers.contains(value) ? value : kNoOnnxValue;
}

OnnxValue Trace::varying(const OnnxNode& node, OnnxValue& known) const {
  const OnnxValue a = node.input(0), b = node.input(1);
  if (node.inputs.size() != 2 || depends(a) == depends(b)) return kNoOnnxValue;
  known = depends(a) ? b : a;
  return depends(a) ? a : b;
}

// What the node passes on unchanged; kNoOnnxValue when it changes something.
OnnxValue Trace::past(const OnnxNode& node) const {
  const OnnxValue first = node.input(0), out = node.outputs[0];
  const auto is_like = [&](OnnxValue other) {
    const Value &a = value(other), &b = value(out);
    return a.kind() == b.kind() && a.n() == b.n() && a.last() == b.last();
  };
  if (node.op == "Identity" || node.op == "Cast" || node.op == "Dropout" || node.op == "Reshape" ||
      node.op == "Unsqueeze" || node.op == "Squeeze" || node.op == "Expand") {
    return is_like(first) ? first : kNoOnnxValue;
  }
  OnnxValue known = kNoOnnxValue;
  const OnnxValue other = varying(node, known);
  if (other != kNoOnnxValue && is_like(other)) {
    if ((node.op == "Add" || (node.op == "Sub" && other == first)) && is_all(value(known), 0.0f)) return other;
    if ((node.op == "Mul" || (node.op == "Div" && other == first)) && is_all(value(known), 1.0f)) return other;
  }
  if (node.op != "Where") return kNoOnnxValue;
  // Rows of nothing but -infinity make NaN of a softmax, which exporters replace.
  const OnnxNode* const test = maker(first, "IsNaN");
  if (test != nullptr && test->input(0) == node.input(2)) return node.input(2);
  if (depends(first)) return kNoOnnxValue;
  for (const bool truth : {true, false}) {
    const OnnxValue chosen = node.input(truth ? 1 : 2);
    if (is_all(value(first), truth) && is_like(chosen)) return chosen;
  }
  return kNoOnnxValue;
}

OnnxValue Trace::source(OnnxValue value) const {
  while (const OnnxNode* const node = maker(value)) {
    const OnnxValue before = past(*node);
    if (before == kNoOnnxValue) break;
    value = before;
  }
  return value;
}

}  // namespace tidemill::onnx
