// .tmill: what a sound file gives, and that others are refused.  The decoder of docs/formats/tmill.py is compared with
// the writer in tests/formats/test_tmill.py.
#include "formats/tmill.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "tensor/storage.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// A file in aligned memory, made piece by piece.
struct TestTmill {
  std::vector<SafetensorSpec> tensors = {tmill_matrix("wq.weight", DType::q8_0, {20, 64}),
                                         tmill_vector("norm.weight", {16}),
                                         {"files/notes", safetensors_type(DType::u8), {5}}};
  SafetensorsMetadata metadata = {{"format", "tmill"},
                                  {"version", "1"},
                                  {"architecture", "tiny"},
                                  {"config", "{}"},
                                  {"wq.weight", tmill_description(Layout::panels, DType::q8_0, {20, 64})}};
  Storage memory;
  size_t shift = 0;  // of all data, from where they belong

  std::span<const std::byte> bytes() {
    std::string file = safetensors_prefix(tensors, metadata);
    for (const SafetensorSpec& tensor : tensors) file.append(tensor.n_bytes(), 'x');
    memory = Storage(static_cast<int64_t>(file.size() + shift));
    std::memcpy(memory.data() + shift, file.data(), file.size());
    return {memory.data() + shift, file.size()};
  }
};

TEST(TmillTest, GivesTensorsConfigurationAndFiles) {
  TestTmill test;
  const TmillFile file = TmillFile::from_memory(test.bytes(), "test.tmill");
  EXPECT_TRUE(file.is_packed());
  EXPECT_EQ(file.names(), (std::vector<std::string>{"norm.weight", "wq.weight"}));
  const Tensor matrix = *file.find("wq.weight");
  EXPECT_EQ(matrix.layout(), Layout::panels);
  EXPECT_EQ(matrix.dtype(), DType::q8_0);
  EXPECT_EQ(matrix.shape(), (Shape{20, 64}));
  EXPECT_EQ(file.find("norm.weight")->dtype(), DType::f32);
  EXPECT_FALSE(file.find("files/notes"));
  EXPECT_FALSE(file.find("wk.weight"));
  EXPECT_EQ(file.architecture(), "tiny");
  EXPECT_EQ(file.config(), "{}");
  EXPECT_EQ(file.file_names(), (std::vector<std::string>{"notes"}));
  EXPECT_EQ(file.file("notes")->size(), 5u);
  EXPECT_FALSE(file.file("other"));
  for (const std::string& name : file.names()) file.release(*file.find(name));
}

// A file whose matrix has its columns in that order.
TmillFile with_columns(TestTmill& test, const std::vector<int32_t>& order) {
  test.tensors.insert(test.tensors.begin(), tmill_column_order("wq.weight", std::ssize(order)));
  auto bytes = test.bytes();
  const size_t at = safetensors_prefix(test.tensors, test.metadata).size();
  std::memcpy(const_cast<std::byte*>(bytes.data()) + at, order.data(), order.size() * sizeof order[0]);
  return TmillFile::from_memory(bytes, "test.tmill");
}

TEST(TmillTest, ColumnsHaveAnOrderInWhichEachIsOnce) {
  std::vector<int32_t> order(64);
  for (int32_t k = 0; k < 64; ++k) order[static_cast<size_t>(k)] = 63 - k;
  TestTmill sound;
  const TmillFile file = with_columns(sound, order);
  EXPECT_EQ(file.names(), (std::vector<std::string>{"norm.weight", "wq.weight"}));
  EXPECT_TRUE(std::equal(order.begin(), order.end(), file.find("wq.weight")->column_order()));
  for (const int32_t bad : {5, -1, 64}) {
    TestTmill damaged;
    order[0] = bad;
    EXPECT_THROW(with_columns(damaged, order), Error) << bad;
  }
  TestTmill shorter;
  EXPECT_THROW(with_columns(shorter, std::vector<int32_t>(16)), Error);
}

TEST(TmillTest, HalvedPanelsAreOfEightBitsOnly) {
  TestTmill test;
  test.metadata.back().second = tmill_description(Layout::halved_panels, DType::q8_0, {20, 64});
  EXPECT_EQ(TmillFile::from_memory(test.bytes(), "test.tmill").find("wq.weight")->layout(), Layout::halved_panels);
  test.metadata.back().second = "halved_panels q4_0 20 64";
  try {
    TmillFile::from_memory(test.bytes(), "test.tmill");
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_file);
  }
}

TEST(TmillTest, RefusesWhatDoesNotFit) {
  const auto describe = [](const char* text) {
    return [text](TestTmill& test) { test.metadata.back().second = text; };
  };
  const struct {
    std::function<void(TestTmill&)> change;
    ErrorCode code;
    const char* fragment;
  } kCases[] = {
      {[](TestTmill& test) { test.metadata.erase(test.metadata.begin()); }, ErrorCode::bad_file, "do not say"},
      {[](TestTmill& test) { test.metadata[1].second = "2"; }, ErrorCode::unsupported, "version 2"},
      {[](TestTmill& test) { test.metadata[1].second = "one"; }, ErrorCode::bad_file, "version is"},
      {[](TestTmill& test) { test.metadata.pop_back(); }, ErrorCode::bad_file, "without a description"},
      {describe("tiles q8_0 20 64"), ErrorCode::unsupported, "layout 'tiles'"},
      {describe(""), ErrorCode::unsupported, "layout"},
      {describe("panels q8_0 20"), ErrorCode::bad_file, "described as"},
      {describe("panels q8_0 20 64 1"), ErrorCode::bad_file, "described as"},
      {describe("panels q8_0  20 64"), ErrorCode::bad_file, "described as"},
      {describe("panels q9_0 20 64"), ErrorCode::bad_file, "described as"},
      {describe("panels i8 20 64"), ErrorCode::bad_file, "described as"},
      {describe("panels q8_0 0 64"), ErrorCode::bad_file, "described as"},
      {describe("panels q8_0 020 64"), ErrorCode::bad_file, "described as"},
      {describe("panels q8_0 20 65"), ErrorCode::bad_file, "makes no matrix"},
      {describe("panels f32 9223372036854775807 9223372036854775807"), ErrorCode::bad_file, "makes no matrix"},
      {describe("panels q8_0 36 64"), ErrorCode::bad_file, "is not U8 [3, "},
      {describe("panels q4_0 20 64"), ErrorCode::bad_file, "is not U8 [2, "},
      {[](TestTmill& test) { test.tensors[0].type = safetensors_type(DType::i8); }, ErrorCode::bad_file, "is not U8"},
      {[](TestTmill& test) { std::swap(test.tensors[0], test.tensors[2]); }, ErrorCode::bad_file, "multiple of 64"},
      {[](TestTmill& test) { test.shift = 8; }, ErrorCode::bad_file, "multiple of 64"},
  };
  for (const auto& [change, code, fragment] : kCases) {
    TestTmill test;
    change(test);
    try {
      TmillFile::from_memory(test.bytes(), "test.tmill");
      ADD_FAILURE() << "accepted: " << fragment;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_NE(std::string(error.what()).find(fragment), std::string::npos) << error.what();
      EXPECT_TRUE(std::string(error.what()).starts_with("test.tmill: ")) << error.what();
    }
  }
}

TEST(TmillTest, MovesWithItsViews) {
  TestTmill test;
  TmillFile file = TmillFile::from_memory(test.bytes(), "test.tmill");
  const TmillFile moved = std::move(file);
  EXPECT_EQ(moved.tensors()[1].name, "wq.weight");
  EXPECT_TRUE(moved.find("wq.weight"));
}

}  // namespace
}  // namespace tidemill
