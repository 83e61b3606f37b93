// Call: one operator at work, as those who write operators see it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/onnx_graph.h"
#include "models/onnx/value.h"
#include "ops/ops.h"

namespace tidemill::onnx {

struct Call {
  const OnnxNode& node;
  int64_t opset;
  std::span<const Value* const> inputs;  // null where one is left out
  std::span<Value> outputs;
  Budget& budget;
  Ops* ops;              // null: products are made in plain loops
  const Tensor* weight;  // the node's constant matrix, [N, K], as a backend keeps it; null when there is none

  bool has(size_t index) const { return index < inputs.size() && inputs[index] != nullptr; }
  // The input; fails when it is left out, or of another kind.
  const Value& in(size_t index) const;
  const Value& in(size_t index, Kind kind) const;
  // The elements of an input of whole numbers.
  std::vector<int64_t> numbers(size_t index) const;
  // An input of one element.
  float real(size_t index) const;
  int64_t integer(size_t index) const;

  // A new value, to be the output.
  Value& make(Kind kind, Dims dims, size_t index = 0);
  void give(Value value, size_t index = 0);

  template <typename T>
  T get_or(std::string_view name, T fallback) const {
    return node.get_or<T>(name, fallback);
  }
  int64_t integer_or(std::string_view name, int64_t fallback) const { return get_or<int64_t>(name, fallback); }

  // An axis of `rank`, which may be counted from the end, as 0 to rank - 1.
  int64_t axis_of(int64_t axis, int64_t rank) const;
  // The axes that an attribute, as older versions have it, or an input says; empty when neither is there.  Sorted.
  std::vector<int64_t> axes(size_t index, int64_t rank) const;

  [[noreturn]] void fail(const std::string& why) const;
};

// Dimensions of what two or more values are broadcast to, by NumPy's rules.
Dims broadcast_dims(const Call& call, std::span<const Value* const> values);
// Elements to go on by along each axis of `dims` in a value that is broadcast to it.
Dims broadcast_strides(const Value& value, const Dims& dims);
// Elements from one index to the next along each axis.
Dims strides_of(const Dims& dims);

using Operator = void (*)(Call& call);
struct OperatorRow {
  std::string_view name;
  Operator run;
};
// The operators of each group.
std::span<const OperatorRow> arithmetic_operators();
std::span<const OperatorRow> function_operators();
std::span<const OperatorRow> shape_operators();
std::span<const OperatorRow> selection_operators();
std::span<const OperatorRow> reduction_operators();
std::span<const OperatorRow> product_operators();
// Null for one that is not known.
Operator find_operator(std::string_view name);

}  // namespace tidemill::onnx
