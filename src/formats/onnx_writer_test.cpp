// A graph that is written is read as it was meant.
#include "formats/onnx_writer.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "formats/onnx.h"
#include "sys/test_folder.h"

namespace tidemill {
namespace {

TEST(OnnxWriterTest, AGraphComesBack) {
  OnnxBuilder graph;
  graph.input("x", {"batch", "tokens"});
  const std::string turned = graph.node("Transpose", {"x"}, {{.name = "perm", .ints = {1, 0}, .is_list = true}});
  const auto [first, second] = graph.halves(turned);
  const std::string sum = graph.node("Add", {first, graph.node("Mul", {second, graph.real(0.5f)})});
  graph.output("y", graph.node("MatMul", {sum, "w"}), {"batch"}, 3);
  const TestFolder folder;
  OnnxWriter writer(folder.path("model.onnx"), graph, {{"w", {2, 3}}, {"b", {1}}});
  const std::vector<float> values = {1, 2, 3, 4, 5, 6, 7};
  const auto bytes = std::as_bytes(std::span(values));
  writer.write(std::as_bytes(std::span(writer.head(0))));
  writer.write(bytes.first(24));
  writer.write(std::as_bytes(std::span(writer.head(1))));
  writer.write(bytes.subspan(24));
  writer.finish();

  const OnnxFile file(folder.path("model.onnx"));
  EXPECT_EQ(file.find("w")->shape(), Shape({2, 3}));
  EXPECT_EQ(file.find("w")->as<float>()[5], 6);
  EXPECT_EQ(file.find("b")->as<float>()[0], 7);
  const OnnxGraph& read = file.graph();
  ASSERT_EQ(read.nodes.size(), 6u);
  EXPECT_EQ(*read.nodes[0].find<std::vector<int64_t>>("perm"), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(read.nodes[1].outputs.size(), 2u);
  EXPECT_EQ(read.nodes[1].get_or<int64_t>("axis", 0), -1);
  EXPECT_EQ(read.nodes[5].op, "Identity");
  EXPECT_EQ(read.outputs.at(0).dims, (std::vector<int64_t>{-1, 3}));
  EXPECT_EQ(read.values[read.inputs.at(0).value], "x");
}

TEST(OnnxWriterTest, WhatIsTooLargeIsRefusedAndLeavesNothing) {
  const TestFolder folder;
  EXPECT_THROW(OnnxWriter(folder.path("model.onnx"), OnnxBuilder(), {{"w", {1 << 15, 1 << 15}}}), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path("")));
}

}  // namespace
}  // namespace tidemill
