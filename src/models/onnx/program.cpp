#include "models/onnx/program.h"

#include <algorithm>
#include <limits>

#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill::onnx {
namespace {

constexpr size_t kNever = std::numeric_limits<size_t>::max();
// Constants are of the file's size, save for numbers that are widened.
constexpr int64_t kConstantFactor = 16;

}  // namespace

Program::Program(std::shared_ptr<const OnnxFile> file, std::vector<OnnxValue> wanted)
    : file_(std::move(file)), wanted_(std::move(wanted)) {
  const int64_t most = (file_->file_bytes() + 4096) * kConstantFactor;
  budget_ = std::make_unique<Budget>(Budget{.live_bytes = most, .made_bytes = most, .products = 0});
  find_needed(wanted_);
  take_constants();
  find_weights();
  find_last_uses();
}

void Program::find_needed(const std::vector<OnnxValue>& wanted) {
  const OnnxGraph& graph = file_->graph();
  std::vector<bool> is_needed(graph.values.size());
  for (const OnnxValue value : wanted) is_needed[value] = true;
  for (size_t index = graph.nodes.size(); index-- > 0;) {
    const OnnxNode& node = graph.nodes[index];
    const bool is_used =
        std::ranges::any_of(node.outputs, [&](OnnxValue value) { return value != kNoOnnxValue && is_needed[value]; });
    if (!is_used) continue;
    if (find_operator(node.op) == nullptr)
      throw Error(ErrorCode::unsupported, file_->path() + ": " + graph.describe(node) + ": the operator " +
                                              quoted(node.op) +
                                              " is not known; export the model with ONNX's own operators");
    nodes_.push_back(index);
    for (const OnnxValue value : node.inputs) is_needed[value] = true;
  }
  std::ranges::reverse(nodes_);
  for (const OnnxPort& port : graph.inputs) {
    if (is_needed[port.value]) inputs_.push_back(port.value);
  }
}

void Program::take_constant(OnnxValue value, const OnnxTensor& tensor) {
  if (constants_[value].empty()) constants_[value] = Value::of(file_->view(tensor), *budget_);
}

void Program::take_constants() {
  const OnnxGraph& graph = file_->graph();
  constants_.resize(graph.values.size());
  std::vector<size_t> others;
  for (const size_t index : nodes_) {
    const OnnxNode& node = graph.nodes[index];
    const OnnxTensor* const own = node.find<OnnxTensor>("value");
    if (node.op == "Constant" && own != nullptr) {
      take_constant(node.outputs[0], *own);
      continue;
    }
    if (own != nullptr) attributes_.emplace(index, Value::of(file_->view(*own), *budget_));
    for (const OnnxValue value : node.inputs) {
      const auto found = graph.initializers.find(value);
      if (found != graph.initializers.end()) take_constant(value, found->second);
    }
    others.push_back(index);
  }
  nodes_ = std::move(others);
  for (const OnnxValue value : wanted_) {
    const auto found = graph.initializers.find(value);
    if (found != graph.initializers.end()) take_constant(value, found->second);
  }
}

// Right-hand sides of products that are initialisers.
void Program::find_weights() {
  const OnnxGraph& graph = file_->graph();
  std::map<std::pair<OnnxValue, bool>, size_t> known;
  for (const size_t index : nodes_) {
    const OnnxNode& node = graph.nodes[index];
    if (node.op != "MatMul" && node.op != "Gemm") continue;
    const auto found = graph.initializers.find(node.input(1));
    if (found == graph.initializers.end() || found->second.dims.size() != 2) continue;
    const OnnxTensor& tensor = found->second;
    const auto dtype = tensor.dtype();
    if (!dtype || !info(*dtype).is_float || tensor.data.empty()) continue;
    const bool is_transposed = node.get_or<int64_t>("transB", 0) == 0;
    const auto [place, is_new] = known.emplace(std::pair(node.input(1), is_transposed), weights_.size());
    if (is_new) {
      const int64_t rows = tensor.dims[is_transposed ? 1 : 0], columns = tensor.dims[is_transposed ? 0 : 1];
      weights_.push_back({.name = tensor.name, .is_transposed = is_transposed, .shape = {rows, columns}});
    }
    weight_of_node_.emplace(index, place->second);
  }
}

void Program::find_last_uses() {
  const OnnxGraph& graph = file_->graph();
  last_use_.assign(graph.values.size(), 0);
  for (const size_t index : nodes_) {
    for (const OnnxValue value : graph.nodes[index].inputs) last_use_[value] = index;
    for (const OnnxValue value : graph.nodes[index].outputs) last_use_[value] = index;
  }
  for (const OnnxValue value : wanted_) last_use_[value] = kNever;
}

const Value* Program::constant(OnnxValue value) const {
  return value < constants_.size() && !constants_[value].empty() ? &constants_[value] : nullptr;
}

void Program::rethrow(const OnnxNode& node, const Error& error) const {
  const bool is_ours = error.code() == ErrorCode::bad_file;
  throw Error(error.code(), file_->path() + ": " + file_->graph().describe(node) + ": " + error.what() +
                                (is_ours ? "; export the model again" : ""));
}

void Program::run_node(size_t index, std::vector<Value>& values, Budget& budget, Ops* ops) const {
  const OnnxNode& node = file_->graph().nodes[index];
  std::vector<const Value*> inputs;
  for (const OnnxValue value : node.inputs) {
    const Value* const known = constant(value);
    inputs.push_back(value == kNoOnnxValue ? nullptr : known != nullptr ? known : &values[value]);
  }
  if (const auto attribute = attributes_.find(index); attribute != attributes_.end())
    inputs.push_back(&attribute->second);
  const auto weight = weight_of_node_.find(index);
  const Tensor* const tensor = weight == weight_of_node_.end() ? nullptr : &weights_[weight->second].tensor;
  std::vector<Value> outputs(node.outputs.size());
  Call call{.node = node,
            .opset = file_->graph().opset,
            .inputs = inputs,
            .outputs = outputs,
            .budget = budget,
            .ops = ops,
            .weight = tensor == nullptr || tensor->empty() ? nullptr : tensor};
  try {
    find_operator(node.op)(call);
  } catch (const Error& error) {
    rethrow(node, error);
  }
  for (size_t at = 0; at < outputs.size(); ++at) {
    if (node.outputs[at] != kNoOnnxValue) values[node.outputs[at]] = std::move(outputs[at]);
  }
}

std::vector<Value> Program::run(std::span<const Binding> inputs, Budget& budget, Ops* ops, Keep keep) const {
  const OnnxGraph& graph = file_->graph();
  std::vector<Value> values(graph.values.size());
  for (const auto& [value, bound] : inputs) values[value] = bound;
  for (const size_t index : nodes_) {
    const OnnxNode& node = graph.nodes[index];
    for (const OnnxValue value : node.inputs) {
      if (value != kNoOnnxValue && values[value].empty() && constant(value) == nullptr)
        throw Error(ErrorCode::bad_file, file_->path() + ": " + graph.describe(node) + ": its input " +
                                             quoted(graph.values[value]) + " has no value; export the model again");
    }
    run_node(index, values, budget, ops);
    if (keep == Keep::all) continue;
    for (const OnnxValue value : node.inputs) {
      if (last_use_[value] == index) values[value] = Value();
    }
  }
  for (const OnnxValue value : wanted_) {
    if (const Value* const known = constant(value)) values[value] = *known;
  }
  return values;
}

}  // namespace tidemill::onnx
