// Sound files, the views of them, and what this build refuses of them only when asked.  Files of the library itself and
// thousands of damaged ones: tests/formats/test_safetensors.py.
#include "formats/safetensors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <thread>

#include "formats/safetensors_test_file.h"
#include "sys/test_folder.h"
#include "tensor/dequantize.h"

namespace tidemill {
namespace {

using Names = std::vector<std::string>;

std::vector<float> values(const Tensor& tensor) {
  std::vector<float> out(static_cast<size_t>(tensor.n_elements()));
  dequantize(tensor.dtype(), tensor.data(), out);
  return out;
}

void expect_sample(const SafetensorsFile& file) {
  EXPECT_EQ(file.names(), (Names{"wq", "scale", "mask", "nothing", "odd"}));
  const Tensor wq = file.require("wq", {2, 3});
  EXPECT_EQ(wq.dtype(), DType::f32);
  EXPECT_EQ(values(wq), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(values(file.require("scale", {})), std::vector<float>{1});
  EXPECT_EQ(values(file.require("mask", {3})), (std::vector<float>{1, 0, 1}));
  EXPECT_EQ(file.require("nothing", {0, 4}).n_elements(), 0);
  EXPECT_EQ(values(file.require("odd", {2})), (std::vector<float>{1, 2}));
  EXPECT_EQ(file.find("absent"), std::nullopt);
  EXPECT_EQ(file.metadata("format"), "pt");
  EXPECT_EQ(file.metadata("note"), "gr\xc3\xbc\n");
  EXPECT_EQ(file.metadata("absent"), std::nullopt);
  EXPECT_EQ(file.metadata_keys(), (std::vector<std::string_view>{"format", "note"}));
}

TEST(Safetensors, ReadsFromMemory) {
  const auto bytes = bytes_of(sample_safetensors());
  expect_sample(SafetensorsFile::from_memory(bytes, "sample"));
}

TEST(Safetensors, ReadsAMappedFileAlsoAfterAMove) {
  const TestFolder folder;
  SafetensorsFile file(folder.write("a.safetensors", sample_safetensors()));
  const Tensor before = file.require("wq", {2, 3});
  const SafetensorsFile moved = std::move(file);
  expect_sample(moved);
  moved.release(before);
  EXPECT_EQ(values(before), (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST(Safetensors, TensorsOffTheirGridAreCopiedOnce) {
  const auto bytes = bytes_of(sample_safetensors());
  const SafetensorsFile file = SafetensorsFile::from_memory(bytes, "sample");
  const Tensor odd = file.require("odd", {2});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(odd.data()) % 2, 0u);
  EXPECT_EQ(file.require("odd", {2}).data(), odd.data());
  const auto raw = *file.raw("odd");
  EXPECT_NE(static_cast<const void*>(raw.data.data()), odd.data());
  EXPECT_EQ(raw.data.size(), 4u);
  file.release(odd);  // a copy stays
  EXPECT_EQ(values(odd), (std::vector<float>{1, 2}));
}

TEST(Safetensors, ThreadsShareOneCopy) {
  const auto bytes = bytes_of(sample_safetensors());
  const SafetensorsFile file = SafetensorsFile::from_memory(bytes, "sample");
  std::array<const void*, 4> found{};
  std::vector<std::thread> threads;
  for (const void*& data : found) threads.emplace_back([&] { data = file.find("odd")->data(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_NE(found[0], nullptr);
  EXPECT_TRUE(std::ranges::all_of(found, [&](const void* data) { return data == found[0]; }));
}

// An empty tensor shares its place with the one after it, whose copy must not be as short.
TEST(Safetensors, AnEmptyTensorOffTheGridHasNoCopy) {
  const std::string header = "{" + safetensors_entry("b", "U8", "[1]", 0, 1) + "," +
                             safetensors_entry("e", "F32", "[0]", 1, 1) + "," +
                             safetensors_entry("f", "F32", "[1]", 1, 5) + "}";
  const auto bytes = bytes_of(safetensors_text(header, std::string("\1\0\0\x80\x3f", 5)));
  const SafetensorsFile file = SafetensorsFile::from_memory(bytes, "sample");
  EXPECT_EQ(file.require("e", {0}).n_elements(), 0);
  EXPECT_EQ(values(file.require("f", {1})), std::vector<float>{1});
}

TEST(Safetensors, AnotherOrderOfTheHeaderIsTheOrderOfTheData) {
  const std::string header =
      "{" + safetensors_entry("b", "U8", "[1]", 1, 2) + "," + safetensors_entry("a", "U8", "[1]", 0, 1) + "}";
  const auto bytes = bytes_of(safetensors_text(header, "xy"));
  EXPECT_EQ(SafetensorsFile::from_memory(bytes, "sample").names(), (Names{"a", "b"}));
}

TEST(Safetensors, AFileMayHoldNothing) {
  for (const std::string_view header : {"{}", "{}  \n", R"({"__metadata__":null})", R"({"__metadata__":{}})"}) {
    const auto bytes = bytes_of(safetensors_text(header));
    const SafetensorsFile file = SafetensorsFile::from_memory(bytes, "nothing");
    EXPECT_TRUE(file.names().empty());
    EXPECT_TRUE(file.metadata_keys().empty());
  }
}

TEST(Safetensors, UnknownFieldsAreIgnored) {
  const auto bytes = bytes_of(safetensors_text(
      R"({"a":{"x":[{"dtype":1},[2]],"dtype":"U8","y":null,"shape":[1],"data_offsets":[0,1],"y":"z"}})", "a"));
  EXPECT_EQ(SafetensorsFile::from_memory(bytes, "sample").require("a", {1}).dtype(), DType::u8);
}

TEST(Safetensors, WhatCannotBeViewedSpoilsNothingElse) {
  const std::string header = "{" + safetensors_entry("deep", "U8", "[1,1,1,1,1,2]", 0, 2) + "," +
                             safetensors_entry("deeper", "U8", "[1,1,1,1,1,1,1,1,1]", 2, 3) + "," +
                             safetensors_entry("f6", "F6_E2M3", "[4]", 3, 6) + "," +
                             safetensors_entry("f4", "F4", "[2,3]", 6, 9) + "," +
                             safetensors_entry("vast", "U8", "[0,18446744073709551615]", 9, 9) + "," +
                             safetensors_entry("wide", "U8", "[0,4611686018427387904,4]", 9, 9) + "," +
                             safetensors_entry("good", "F4", "[3,2]", 9, 12) + "}";
  const auto bytes = bytes_of(safetensors_text(header, "abcdefghijkl"));
  const SafetensorsFile file = SafetensorsFile::from_memory(bytes, "odd.safetensors");
  for (const std::string name : {"deep", "deeper", "f6", "f4", "vast", "wide"}) {
    try {
      file.find(name);
      ADD_FAILURE() << name << " was viewed";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported);
      EXPECT_TRUE(std::string(error.what()).starts_with("odd.safetensors: tensor '" + name + "' has ")) << error.what();
    }
  }
  EXPECT_EQ(file.require("good", {3, 2}).dtype(), DType::f4);
  const auto deep = *file.raw("deep");
  EXPECT_EQ(std::vector(deep.dims.begin(), deep.dims.end()), (std::vector<uint64_t>{1, 1, 1, 1, 1, 2}));
  EXPECT_EQ(file.raw("f6")->type->name, "F6_E2M3");
  EXPECT_EQ(file.raw("f6")->data.size(), 3u);
  EXPECT_THROW(file.raw("deeper"), Error);
}

}  // namespace
}  // namespace tidemill
