// What an ONNX file holds is read as it was written.
#include "formats/onnx.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "formats/onnx_test_file.h"
#include "sys/test_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using namespace onnx_test;

OnnxFile read(const std::string& text) {
  return OnnxFile::from_memory(bytes_of(text), "test.onnx");
}

TEST(OnnxTest, AGraphIsReadAsItIsWritten) {
  const std::string text = Graph{
      .nodes = {node("Add", {"x", "w"}, {"sum"}), node("Relu", {"sum"}, {"y"})},
      .initializers = {tensor("w", 1, {2}, floats({1.5f, -2}))},
      .inputs = {port("x", 1, {2})},
      .outputs = {port("y")}}.text();
  const OnnxFile file = read(text);
  const OnnxGraph& graph = file.graph();
  EXPECT_EQ(graph.opset, 17);
  EXPECT_EQ(graph.producer, "test");
  ASSERT_EQ(graph.nodes.size(), 2u);
  EXPECT_EQ(graph.nodes[1].op, "Relu");
  EXPECT_EQ(graph.nodes[1].inputs, graph.nodes[0].outputs);
  EXPECT_EQ(graph.values[graph.outputs.at(0).value], "y");
  EXPECT_EQ(graph.inputs.at(0).dims, std::vector<int64_t>{2});
  EXPECT_EQ(file.names(), std::vector<std::string>{"w"});
  const Tensor w = *file.find("w");
  EXPECT_EQ(w.shape(), Shape({2}));
  EXPECT_EQ(w.as<float>()[1], -2);
  EXPECT_FALSE(file.find("x"));
}

TEST(OnnxTest, AttributesOfEveryKind) {
  ProtobufWriter ints;
  ints.bytes(1, "perm").varint(8, 1).bytes(8, std::string_view("\0\x02", 2));  // one alone, two packed
  const OnnxFile file = read(Graph{
      .nodes = {node("Transpose", {"x"}, {"a"}, ints.text()),
                node("Gelu", {"a"}, {"b"}, ProtobufWriter().bytes(1, "approximate").bytes(4, "tanh").text()),
                node("Elu", {"b"}, {"c"}, ProtobufWriter().bytes(1, "alpha").float32(2, 0.25f).text()),
                node("Shape", {"c"}, {"d"},
                     ProtobufWriter().bytes(1, "start").varint(3, static_cast<uint64_t>(-1)).text()),
                node("Shape", {"c"}, {"e"}, ProtobufWriter().bytes(1, "start").varint(20, 2).text())},
      .inputs = {port("x")},
      .outputs = {port("d")}}.text());
  const auto& nodes = file.graph().nodes;
  EXPECT_EQ(*nodes[0].find<std::vector<int64_t>>("perm"), (std::vector<int64_t>{1, 0, 2}));
  EXPECT_EQ(nodes[1].get_or<std::string>("approximate", ""), "tanh");
  EXPECT_EQ(nodes[2].get_or<float>("alpha", 0), 0.25f);
  EXPECT_EQ(nodes[3].get_or<int64_t>("start", 0), -1);
  EXPECT_EQ(nodes[4].get_or<int64_t>("start", 5), 0);  // a zero that is not written
  EXPECT_EQ(nodes[2].find<int64_t>("alpha"), nullptr);
}

// One number after another instead of raw bytes, each type in the field that the format has for it.
TEST(OnnxTest, NumbersInFieldsOfTheirOwn) {
  ProtobufWriter halves, wholes, longs, reals;
  halves.varint(1, 2).varint(2, 10).bytes(8, "halves").varint(5, 0x3C00).varint(5, 0xC000);
  wholes.varint(1, 2)
      .varint(2, 3)
      .bytes(8, "wholes")
      .bytes(5, std::string_view("\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11));
  longs.varint(1, 1).varint(2, 7).bytes(8, "longs").varint(7, static_cast<uint64_t>(-9));
  reals.varint(1, 2).varint(2, 1).bytes(8, "reals").float32(4, 3).bytes(4, floats({4}));
  const OnnxFile file = read(Graph{.initializers = {halves.text(), wholes.text(), longs.text(), reals.text()}}.text());
  EXPECT_EQ(file.find("halves")->dtype(), DType::f16);
  EXPECT_EQ(file.find("halves")->as<uint16_t>()[1], 0xC000);
  EXPECT_EQ(file.find("wholes")->as<int8_t>()[0], 5);
  EXPECT_EQ(file.find("wholes")->as<int8_t>()[1], -1);
  EXPECT_EQ(file.find("longs")->as<int64_t>()[0], -9);
  EXPECT_EQ(file.find("reals")->as<float>()[0], 3);
  EXPECT_EQ(file.find("reals")->as<float>()[1], 4);
}

std::string external(std::string_view location, std::string_view offset, std::string_view length) {
  ProtobufWriter writer;
  writer.varint(1, 2).varint(2, 1).bytes(8, "w").varint(14, 1);
  writer.message(13, ProtobufWriter().bytes(1, "location").bytes(2, location));
  writer.message(13, ProtobufWriter().bytes(1, "offset").bytes(2, offset));
  writer.message(13, ProtobufWriter().bytes(1, "length").bytes(2, length));
  return Graph{.initializers = {writer.text()}}.text();
}

class ExternalDataTest : public testing::Test {
 protected:
  ExternalDataTest() {
    folder_.write("data.bin", "abcd" + floats({7, 8}));
    std::filesystem::create_directory(folder_.path("below"));
    folder_.write("below/data.bin", floats({9, 10}));
  }
  OnnxFile open(const std::string& text) { return OnnxFile(folder_.write("model.onnx", text)); }
  std::string refusal(const std::string& text) {
    try {
      open(text);
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::bad_file || error.code() == ErrorCode::not_found);
      return error.what();
    }
    return "";
  }

  TestFolder folder_;
};

TEST_F(ExternalDataTest, DataLieInFilesBesideTheModel) {
  EXPECT_EQ(open(external("data.bin", "4", "8")).find("w")->as<float>()[1], 8);
  EXPECT_EQ(open(external("below/data.bin", "0", "8")).find("w")->as<float>()[0], 9);
}

TEST_F(ExternalDataTest, OtherPlacesAreRefused) {
  for (const char* const place : {"../data.bin", "/etc/passwd", "below/../../data.bin", "", "a\\b"})
    EXPECT_NE(refusal(external(place, "0", "8")).find("below the model's folder"), std::string::npos) << place;
  EXPECT_NE(refusal(external("gone.bin", "0", "8")).find("gone.bin"), std::string::npos);
  EXPECT_NE(refusal(external("data.bin", "8", "8")).find("reach past the end"), std::string::npos);
  EXPECT_NE(refusal(external("data.bin", "18446744073709551615", "8")), "");
  EXPECT_NE(refusal(external("data.bin", "4", "4")).find("ask for 8 bytes"), std::string::npos);
  EXPECT_NE(refusal(external("data.bin", "-4", "8")).find("no number"), std::string::npos);
}

TEST(OnnxTest, MemoryHasNoFilesBesideIt) {
  EXPECT_THROW(read(external("data.bin", "0", "8")), Error);
}

}  // namespace
}  // namespace tidemill
