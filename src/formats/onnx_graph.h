// What an ONNX file says: tensors, and nodes that make values of values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tidemill/dtype.h"

namespace tidemill {

struct OnnxTensor {
  std::string name;
  int32_t type = 0;  // TensorProto.DataType
  std::vector<int64_t> dims;
  std::span<const std::byte> data = {};  // as many bytes as type and dims say; of any alignment

  // Nothing for types that have no values here: texts, complex numbers, numbers of 4 and 2 bits.
  std::optional<DType> dtype() const;
};

// The name of a TensorProto.DataType: "FLOAT16"; "type 99" for one that is not known.
std::string onnx_type_name(int32_t type);
std::optional<DType> onnx_dtype(int32_t type);
// The type of f32, f16 or bf16 tensors.
int32_t onnx_type_of(DType dtype);

// Numbers of values: places in OnnxGraph::values.
using OnnxValue = uint32_t;
inline constexpr OnnxValue kNoOnnxValue = 0;  // where an optional input or output is left out

// Holds monostate for graphs, texts and other things that no operator here asks for.
using OnnxAttribute =
    std::variant<std::monostate, float, int64_t, std::string, OnnxTensor, std::vector<float>, std::vector<int64_t>>;

struct OnnxNode {
  std::string op;    // "MatMul"; of another domain than ONNX's own "com.microsoft:Attention"
  std::string name;  // may be empty
  std::vector<OnnxValue> inputs, outputs;
  std::vector<std::pair<std::string, OnnxAttribute>> attributes;

  // Null when there is none of that name and kind.
  template <typename T>
  const T* find(std::string_view wanted) const {
    for (const auto& [attribute, value] : attributes) {
      if (attribute == wanted) return std::get_if<T>(&value);
    }
    return nullptr;
  }
  template <typename T>
  T get_or(std::string_view wanted, T fallback) const {
    const T* const found = find<T>(wanted);
    return found == nullptr ? fallback : *found;
  }
  OnnxValue input(size_t index) const { return index < inputs.size() ? inputs[index] : kNoOnnxValue; }
};

// A value that goes in or out; a dimension of -1 is not fixed.
struct OnnxPort {
  OnnxValue value = kNoOnnxValue;
  int32_t type = 0;
  std::vector<int64_t> dims;
};

// Every value is made once, before it is read: by an initialiser, as an input, or by an earlier node.
struct OnnxGraph {
  int64_t ir_version = 0;
  int64_t opset = 0;  // version of ONNX's own operators
  std::string producer;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> values;  // names; [0] is empty
  std::map<OnnxValue, OnnxTensor> initializers;
  std::vector<OnnxPort> inputs, outputs;  // inputs without those that have an initialiser
  std::vector<OnnxNode> nodes;

  // The input or output of that name; null when there is none.
  const OnnxPort* input(std::string_view name) const { return port(inputs, name); }
  const OnnxPort* output(std::string_view name) const { return port(outputs, name); }
  // For messages: "node 17 (Add, '/encoder/Add')".
  std::string describe(const OnnxNode& node) const;

 private:
  const OnnxPort* port(const std::vector<OnnxPort>& ports, std::string_view name) const {
    for (const OnnxPort& one : ports) {
      if (values[one.value] == name) return &one;
    }
    return nullptr;
  }
};

}  // namespace tidemill
