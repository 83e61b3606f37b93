// Program: the part of a graph that some of its values need, ready to run.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "formats/onnx.h"
#include "models/onnx/call.h"
#include "models/onnx/value.h"

namespace tidemill::onnx {

// A constant matrix that rows are multiplied by.
struct ProgramWeight {
  std::string name;            // of the initialiser
  bool is_transposed = false;  // the file has [K, N]
  Shape shape = {};            // [N, K]
  Tensor tensor = {};          // as a backend keeps it; empty: products are made with the initialiser itself
};

using Binding = std::pair<OnnxValue, Value>;

class Program {
 public:
  // Throws unsupported, naming it, for an operator that is not known and for a constant that cannot be read.
  Program(std::shared_ptr<const OnnxFile> file, std::vector<OnnxValue> wanted);

  const OnnxFile& file() const { return *file_; }
  std::vector<ProgramWeight>& weights() { return weights_; }
  // Inputs of the graph that the wanted values need.
  const std::vector<OnnxValue>& inputs() const { return inputs_; }
  // Nodes that are run, in order.
  std::span<const size_t> nodes() const { return nodes_; }
  // A value that does not depend on any input; null when it does.
  const Value* constant(OnnxValue value) const;

  enum class Keep : uint8_t { wanted, all };
  // By number: the wanted values, or all that were made.  Values take from `budget`, which outlives them.  With `ops`
  // products go through its kernels, into memory of the values themselves; with null they are made in plain loops.
  // Throws bad_file naming the node whose inputs do not fit, out_of_memory.
  std::vector<Value> run(std::span<const Binding> inputs, Budget& budget, Ops* ops, Keep keep = Keep::wanted) const;

 private:
  void find_needed(const std::vector<OnnxValue>& wanted);
  void take_constants();
  void take_constant(OnnxValue value, const OnnxTensor& tensor);
  void find_weights();
  void find_last_uses();
  void run_node(size_t index, std::vector<Value>& values, Budget& budget, Ops* ops) const;
  [[noreturn]] void rethrow(const OnnxNode& node, const Error& error) const;

  std::shared_ptr<const OnnxFile> file_;
  std::vector<OnnxValue> wanted_;
  std::vector<OnnxValue> inputs_;
  std::vector<size_t> nodes_;
  std::unique_ptr<Budget> budget_;      // of the constants
  std::vector<Value> constants_;        // by number; empty ones are none
  std::map<size_t, Value> attributes_;  // by node: a tensor that it has as an attribute
  std::vector<ProgramWeight> weights_;
  std::map<size_t, size_t> weight_of_node_;
  std::vector<size_t> last_use_;  // by value: the node after which it is not needed
};

}  // namespace tidemill::onnx
