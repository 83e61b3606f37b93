#include "formats/onnx_writer.h"

#include <array>

#include "formats/onnx_graph.h"
#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr uint64_t kIrVersion = 8, kOpset = 17;
constexpr uint64_t kFloat = 1, kInt64 = 7;                                      // TensorProto.DataType
constexpr uint64_t kFloatAttribute = 1, kIntAttribute = 2, kIntsAttribute = 7;  // AttributeProto.AttributeType
constexpr uint64_t kMostBytes = (uint64_t{1} << 31) - 1;                        // of one message

ProtobufWriter port(std::string_view name, uint64_t type, std::span<const std::string_view> dims, int64_t last) {
  ProtobufWriter shape;
  for (const std::string_view dim : dims) shape.message(1, ProtobufWriter().bytes(2, dim));
  if (last > 0) shape.message(1, ProtobufWriter().varint(1, static_cast<uint64_t>(last)));
  ProtobufWriter tensor;
  tensor.varint(1, type).message(2, shape);
  ProtobufWriter port;
  port.bytes(1, name).message(2, ProtobufWriter().message(1, tensor));
  return port;
}

// Everything of an initialiser but its data, whose length is the last thing in it.
std::string tensor_head(const OnnxWeight& weight) {
  ProtobufWriter tensor;
  for (const int64_t dim : weight.shape.dims()) tensor.varint(1, static_cast<uint64_t>(dim));
  const auto n_bytes = static_cast<uint64_t>(size_bytes(DType::f32, weight.shape));
  tensor.varint(2, kFloat).bytes(8, weight.name).begin_bytes(9, n_bytes);
  ProtobufWriter field;
  field.begin_bytes(5, tensor.text().size() + n_bytes);
  return field.text() + tensor.text();
}

}  // namespace

void OnnxBuilder::write_node(std::string_view op, std::span<const std::string_view> inputs,
                             std::span<const std::string> outputs, std::span<const Attribute> attributes) {
  ProtobufWriter node;
  for (const std::string_view input : inputs) node.bytes(1, input);
  for (const std::string& output : outputs) node.bytes(2, output);
  node.bytes(3, outputs[0]).bytes(4, op);
  for (const Attribute& attribute : attributes) {
    ProtobufWriter own;
    own.bytes(1, attribute.name);
    if (attribute.ints.empty()) {
      own.float32(2, attribute.real).varint(20, kFloatAttribute);
    } else if (!attribute.is_list) {
      own.varint(3, static_cast<uint64_t>(attribute.ints[0])).varint(20, kIntAttribute);
    } else {
      for (const int64_t value : attribute.ints) own.varint(8, static_cast<uint64_t>(value));
      own.varint(20, kIntsAttribute);
    }
    node.message(5, own);
  }
  graph_.message(1, node);
}

std::string OnnxBuilder::node(std::string_view op, std::initializer_list<std::string_view> inputs,
                              std::initializer_list<Attribute> attributes) {
  const std::string output = fresh(op);
  write_node(op, inputs, {&output, 1}, attributes);
  return output;
}

std::pair<std::string, std::string> OnnxBuilder::halves(std::string_view input) {
  const std::array<std::string, 2> both = {fresh("Split"), fresh("Split")};
  const Attribute last{.name = "axis", .ints = {-1}};
  write_node("Split", {&input, 1}, both, {&last, 1});
  return {both[0], both[1]};
}

std::string OnnxBuilder::constant(uint64_t type, const Ints& dims, std::string_view raw) {
  std::string name = fresh("constant");
  ProtobufWriter tensor;
  for (const int64_t dim : dims) tensor.varint(1, static_cast<uint64_t>(dim));
  tensor.varint(2, type).bytes(8, name).bytes(9, raw);
  graph_.message(5, tensor);
  return name;
}

std::string OnnxBuilder::integers(const Ints& values, bool is_scalar) {
  const std::string_view raw(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(int64_t));
  return constant(kInt64, is_scalar ? Ints() : Ints{std::ssize(values)}, raw);
}

std::string OnnxBuilder::real(float value) {
  return constant(kFloat, {}, {reinterpret_cast<const char*>(&value), sizeof value});
}

std::string OnnxBuilder::reals(std::span<const float> values) {
  return constant(kFloat, {std::ssize(values)}, {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

void OnnxBuilder::input(std::string_view name, std::initializer_list<std::string_view> dims) {
  graph_.message(11, port(name, kInt64, dims, 0));
}

void OnnxBuilder::output(std::string_view name, std::string_view value, std::initializer_list<std::string_view> dims,
                         int64_t last) {
  const std::string output(name);
  write_node("Identity", {&value, 1}, {&output, 1}, {});
  graph_.message(12, port(name, kFloat, dims, last));
}

OnnxWriter::OnnxWriter(const std::string& path, const OnnxBuilder& graph, const std::vector<OnnxWeight>& weights)
    : file_(path) {
  ProtobufWriter name;
  name.bytes(2, "encoder");
  uint64_t n_graph = graph.text().size() + name.text().size();
  for (const OnnxWeight& weight : weights) {
    heads_.push_back(tensor_head(weight));
    n_graph += heads_.back().size() + static_cast<uint64_t>(size_bytes(DType::f32, weight.shape));
  }
  ProtobufWriter model;
  model.varint(1, kIrVersion).bytes(2, "tidemill").message(8, ProtobufWriter().bytes(1, "").varint(2, kOpset));
  model.begin_bytes(7, n_graph);
  const uint64_t n_bytes = model.text().size() + n_graph;
  if (n_bytes > kMostBytes)
    throw Error(ErrorCode::unsupported, path + ": would have " + grouped(n_bytes) +
                                            " bytes, an ONNX file has less than 2 GiB; write another format");
  file_.reserve(static_cast<int64_t>(n_bytes));
  file_.write(model.text());
  file_.write(graph.text());
  file_.write(name.text());
}

}  // namespace tidemill
