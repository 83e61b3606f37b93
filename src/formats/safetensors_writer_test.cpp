#include "formats/safetensors_writer.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "formats/safetensors.h"
#include "formats/safetensors_test_file.h"
#include "sys/test_folder.h"

namespace tidemill {
namespace {

SafetensorSpec spec(std::string name, std::string_view type, std::vector<uint64_t> dims) {
  return {std::move(name), safetensors_type(type), std::move(dims)};
}

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

template <typename Call>
void expect_invalid(Call&& call, std::string_view message) {
  try {
    call();
    ADD_FAILURE() << "no error: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << error.what();
    EXPECT_NE(std::string_view(error.what()).find(message), std::string_view::npos) << error.what();
  }
}

TEST(SafetensorsWriter, TheHeaderIsThatOfTheLibrary) {
  const std::string expected = R"({"__metadata__":{"k\n":"\u001f\"/ü"},"a":{"dtype":"F32","shape":[1,2],)"
                               R"("data_offsets":[0,8]},"b":{"dtype":"U8","shape":[],"data_offsets":[8,9]}})";
  const std::string prefix =
      safetensors_prefix({spec("a", "F32", {1, 2}), spec("b", "U8", {})}, {{"k\n", "\x1f\"/ü"}}, 8);
  EXPECT_EQ(prefix.substr(8, expected.size()), expected);
  EXPECT_EQ(prefix.size() % 8, 0u);
  EXPECT_LT(prefix.size(), 8 + expected.size() + 8);
  EXPECT_EQ(prefix.find_first_not_of(' ', 8 + expected.size()), std::string::npos);
  EXPECT_EQ(safetensors_prefix({}, {}, 8), safetensors_text("{}      "));
}

TEST(SafetensorsWriter, DataBeginAt64) {
  for (size_t n = 0; n < 70; ++n) {
    EXPECT_EQ(safetensors_prefix({spec(std::string(n, 'n'), "U8", {0})}, {}).size() % 64, 0u);
  }
}

TEST(SafetensorsWriter, SortsLargeElementsFirstThenByName) {
  std::vector<SafetensorSpec> tensors = {spec("b", "U8", {}), spec("a", "U8", {}), spec("z", "I64", {}),
                                         spec("c", "F16", {}), spec("d", "BF16", {})};
  sort_as_library(tensors);
  std::string order;
  for (const auto& tensor : tensors) order += tensor.name;
  EXPECT_EQ(order, "zdcab");
}

TEST(SafetensorsWriter, PiecesOfAnySizeMakeAFileThatIsRead) {
  const TestFolder folder;
  const std::string path = folder.path("out.safetensors");
  SafetensorsWriter writer(path,
                           {spec("empty", "F32", {0}), spec("a", "U16", {2}), spec("none", "U8", {3, 0}),
                            spec("b", "U8", {3}), spec("end", "U8", {0})},
                           {{"format", "tidemill"}, {"a", "b"}});
  for (const std::string_view piece : {"", "1", "234", "", "ab", "c", ""}) writer.write(bytes(piece));
  EXPECT_FALSE(std::filesystem::exists(path));
  writer.finish();
  const SafetensorsFile file(path);
  EXPECT_EQ(std::string_view(file.require("a", {2}).as<char>(), 4), "1234");
  EXPECT_EQ(std::string_view(file.require("b", {3}).as<char>(), 3), "abc");
  EXPECT_EQ(file.names().size(), 5u);
  EXPECT_EQ(file.metadata("format"), "tidemill");
}

TEST(SafetensorsWriter, AFileWithMissingOrSurplusDataNeverAppears) {
  const TestFolder folder;
  const std::string path = folder.path("out.safetensors");
  {
    SafetensorsWriter writer(path, {spec("a", "U16", {2}), spec("b", "U8", {1})}, {});
    writer.write(bytes("123"));
    expect_invalid([&] { writer.write(bytes("4x")); }, "out.safetensors: tensor 'a': 2 bytes given where 1 are left");
    expect_invalid([&] { writer.finish(); }, "tensor 'a': 1 bytes are missing");
    writer.write(bytes("4"));
    writer.write(bytes("x"));
    expect_invalid([&] { writer.write(bytes("y")); }, "after the last tensor: 1 bytes given where 0 are left");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path("")));
}

TEST(SafetensorsWriter, RefusesWhatNoReaderTakes) {
  expect_invalid([] { safetensors_prefix({spec("a", "U8", {}), spec("a", "U8", {})}, {}); }, "tensor 'a': given twice");
  expect_invalid([] { safetensors_prefix({}, {{"k", "1"}, {"k", "2"}}); }, "metadata 'k': given twice");
  expect_invalid([] { safetensors_prefix({spec("__metadata__", "U8", {})}, {}); }, "uses this name itself");
  expect_invalid([] { safetensors_prefix({spec("a\xff", "U8", {})}, {}); }, "not UTF-8");
  expect_invalid([] { safetensors_prefix({}, {{"k", "\xff"}}); }, "not UTF-8");
  expect_invalid([] { safetensors_prefix({spec("a", "F4", {3})}, {}); }, "12 bits are not whole bytes");
  expect_invalid([] { safetensors_prefix({spec("a", "U8", {uint64_t{1} << 61})}, {}); }, "more than 2^64 bits");
  expect_invalid([] { safetensors_prefix({spec("a", "U8", {1ull << 32, 1ull << 32, 0})}, {}); },
                 "more than 2^64 elements");
  const uint64_t most = (uint64_t{1} << 61) - 1;
  std::vector<SafetensorSpec> nine;
  for (int i = 0; i < 9; ++i) nine.push_back(spec(std::to_string(i), "U8", {most}));
  expect_invalid([&] { safetensors_prefix(nine, {}); }, "tensor '8': ends past 2^64 bytes");
  std::string long_value;
  long_value.resize(100'000'000, 'x');
  expect_invalid([&] { safetensors_prefix({}, {{"k", long_value}}); }, "the header: 100,000,0");
}

}  // namespace
}  // namespace tidemill
