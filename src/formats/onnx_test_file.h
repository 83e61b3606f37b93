// ONNX files for tests, made message by message.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sys/protobuf_writer.h"

namespace tidemill::onnx_test {

inline std::string tensor(std::string_view name, uint64_t type, std::initializer_list<int64_t> dims,
                          std::string_view raw) {
  ProtobufWriter writer;
  for (const int64_t dim : dims) writer.varint(1, static_cast<uint64_t>(dim));
  writer.varint(2, type).bytes(8, name).bytes(9, raw);
  return writer.text();
}

inline std::string floats(std::initializer_list<float> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(float)};
}

inline std::string port(std::string_view name, uint64_t type = 1, std::initializer_list<int64_t> dims = {}) {
  ProtobufWriter shape;
  for (const int64_t dim : dims) shape.message(1, ProtobufWriter().varint(1, static_cast<uint64_t>(dim)));
  ProtobufWriter tensor_type;
  tensor_type.varint(1, type).message(2, shape);
  return ProtobufWriter().bytes(1, name).message(2, ProtobufWriter().message(1, tensor_type)).text();
}

inline std::string node(std::string_view op, std::initializer_list<std::string_view> inputs,
                        std::initializer_list<std::string_view> outputs, std::string_view attribute = {}) {
  ProtobufWriter writer;
  for (const std::string_view input : inputs) writer.bytes(1, input);
  for (const std::string_view output : outputs) writer.bytes(2, output);
  writer.bytes(4, op);
  if (!attribute.empty()) writer.bytes(5, attribute);
  return writer.text();
}

struct Graph {
  std::vector<std::string> nodes = {}, initializers = {}, inputs = {}, outputs = {};
  uint64_t opset = 17;

  std::string text() const {
    ProtobufWriter graph;
    for (const std::string& one : nodes) graph.bytes(1, one);
    for (const std::string& one : initializers) graph.bytes(5, one);
    for (const std::string& one : inputs) graph.bytes(11, one);
    for (const std::string& one : outputs) graph.bytes(12, one);
    ProtobufWriter model;
    model.varint(1, 8).bytes(2, "test").message(7, graph).message(8, ProtobufWriter().bytes(1, "").varint(2, opset));
    return model.text();
  }
};

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace tidemill::onnx_test
