// ONNX files that no exporter writes are refused with one line that names what is wrong.
#include <gtest/gtest.h>

#include <tuple>

#include "formats/onnx.h"
#include "formats/onnx_test_file.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using namespace onnx_test;

std::string refusal(const std::string& text) {
  try {
    OnnxFile::from_memory(bytes_of(text), "test.onnx");
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == ErrorCode::bad_file || error.code() == ErrorCode::unsupported) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "";
}

void expect_refused(const std::string& text, const std::string& words) {
  const std::string found = refusal(text);
  EXPECT_NE(found.find(words), std::string::npos) << "'" << found << "' instead of " << words;
}

TEST(OnnxHostileTest, GraphsThatAreNone) {
  expect_refused("", "holds no graph");
  expect_refused("not a model", "test.onnx");
  expect_refused(ProtobufWriter().varint(1, 8).text(), "holds no graph");
  expect_refused(ProtobufWriter().bytes(7, "").text(), "opset_import");
  expect_refused(Graph{.opset = 4}.text(), "version 4");
  expect_refused(Graph{.opset = 99}.text(), "version 99");
}

TEST(OnnxHostileTest, ValuesThatAreMadeTwiceOrTooLate) {
  const auto x = port("x");
  expect_refused(Graph{.nodes = {node("Add", {"x", "b"}, {"a"}), node("Relu", {"a"}, {"b"})}, .inputs = {x}}.text(),
                 "'b', which nothing before it makes: the graph has a cycle");
  expect_refused(Graph{.nodes = {node("Relu", {"x"}, {"x"})}, .inputs = {x}}.text(), "'x' is made twice");
  expect_refused(Graph{.nodes = {node("Relu", {"x"}, {"y"}), node("Relu", {"x"}, {"y"})}, .inputs = {x}}.text(),
                 "'y' is made twice");
  expect_refused(Graph{.inputs = {x, x}}.text(), "'x' is made twice");
  const std::string w = tensor("w", 1, {1}, floats({1}));
  expect_refused(Graph{.initializers = {w, w}}.text(), "'w' is made twice");
  expect_refused(Graph{.inputs = {x}, .outputs = {port("y")}}.text(), "the output 'y' is made by no node");
}

TEST(OnnxHostileTest, TensorsThatDoNotFitTheirBytes) {
  const auto with = [](const std::string& tensor) { return Graph{.initializers = {tensor}}.text(); };
  expect_refused(with(tensor("w", 1, {3}, floats({1, 2}))), "ask for 12 bytes, it has 8");
  expect_refused(with(tensor("w", 1, {1}, floats({1, 2}))), "ask for 4 bytes, it has 8");
  constexpr int64_t kHuge = int64_t{1} << 40;
  expect_refused(with(tensor("w", 1, {kHuge}, floats({1}))), "it has 4");
  expect_refused(with(tensor("w", 1, {kHuge, kHuge}, floats({1}))), "too large");
  expect_refused(with(tensor("w", 1, {kHuge, kHuge, 0}, floats({1}))), "ask for 0 bytes");
  expect_refused(with(tensor("w", 1, {-1}, floats({1}))), "negative");
  expect_refused(with(tensor("w", 99, {1}, floats({1}))), "unknown type 99");
  const std::string both = ProtobufWriter().varint(2, 1).bytes(8, "w").bytes(9, floats({1})).float32(4, 1).text();
  expect_refused(with(both), "several places");
  EXPECT_EQ(refusal(with(tensor("w", 8, {1}, ""))), "");  // texts are refused when somebody asks for them
}

TEST(OnnxHostileTest, ATensorThatNoViewCanHaveIsRefusedWhenItIsAskedFor) {
  const std::string texts = Graph{.initializers = {tensor("w", 8, {1}, "")}}.text();
  EXPECT_THROW(OnnxFile::from_memory(bytes_of(texts), "test.onnx").find("w"), Error);
  const std::string deep = Graph{.initializers = {tensor("w", 1, {1, 1, 1, 1, 1, 1}, floats({1}))}}.text();
  EXPECT_THROW(OnnxFile::from_memory(bytes_of(deep), "test.onnx").find("w"), Error);
}

TEST(OnnxHostileTest, EveryCutOfAFileIsRefused) {
  const std::string text = Graph{
      .nodes = {node("Add", {"x", "w"}, {"y"}, ProtobufWriter().bytes(1, "a").float32(2, 1).text())},
      .initializers = {tensor("w", 1, {2}, floats({1, 2}))},
      .inputs = {port("x", 1, {2})},
      .outputs = {port("y")}}.text();
  EXPECT_EQ(refusal(text), "");
  for (size_t n = 0; n < text.size(); ++n) EXPECT_NE(refusal(text.substr(0, n)), "") << n;
}

TEST(OnnxHostileTest, TooManyOfAnything) {
  ProtobufWriter graph;
  for (int i = 0; i <= 1 << 18; ++i) graph.bytes(1, "");
  ProtobufWriter model;
  model.message(7, graph).message(8, ProtobufWriter().varint(2, 17));
  expect_refused(model.text(), "too many");
  ProtobufWriter shape;
  for (int i = 0; i < 40; ++i) shape.bytes(1, "");
  const std::string input =
      ProtobufWriter().bytes(1, "x").message(2, ProtobufWriter().message(1, ProtobufWriter().message(2, shape))).text();
  expect_refused(Graph{.inputs = {input}}.text(), "too many");
}

}  // namespace
}  // namespace tidemill
