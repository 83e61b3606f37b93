// What a sound GGUF file says; what is refused is in gguf_hostile_test.cpp, sets of files in gguf_split_test.cpp.
#include "formats/gguf.h"

#include <gtest/gtest.h>

#include "formats/gguf_test_file.h"

namespace tidemill {
namespace {

class Gguf : public testing::Test {
 protected:
  std::vector<std::byte> bytes_ = sample_gguf().bytes();
  GgufFile file_ = GgufFile::from_memory(bytes_, "sample.gguf");
};

// The message of the error that `call` throws, which must be a bad_file.
template <typename Call>
std::string bad_file_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_file);
    return error.what();
  }
  return "no error";
}

TEST_F(Gguf, ReadsScalarsOfEveryType) {
  EXPECT_EQ(file_.version(), 3);
  EXPECT_EQ(file_.string("general.architecture"), "tiny");
  EXPECT_EQ(file_.integer("tiny.u8"), 200);
  EXPECT_EQ(file_.integer("tiny.i8"), -100);
  EXPECT_EQ(file_.integer("tiny.u16"), 60000);
  EXPECT_EQ(file_.integer("tiny.i16"), -30000);
  EXPECT_EQ(file_.integer("tiny.u32"), 4000000000);
  EXPECT_EQ(file_.integer("tiny.i32"), -2000000000);
  EXPECT_EQ(file_.integer("tiny.i64"), int64_t{-1} << 62);
  EXPECT_EQ(file_.number("tiny.f32"), 0.5);
  EXPECT_EQ(file_.number("tiny.f64"), 0.1);
  EXPECT_EQ(file_.boolean("tiny.yes"), true);
  EXPECT_EQ(file_.boolean("tiny.no"), false);
  EXPECT_EQ(std::get<uint64_t>(file_.metadata().at("tiny.u64")), ~uint64_t{0});
}

TEST_F(Gguf, ReadsLists) {
  EXPECT_EQ(file_.strings("tiny.tokens")->views(), (std::vector<std::string_view>{"a", "", "\xe2\x96\x81the"}));
  EXPECT_TRUE(file_.strings("tiny.nothing")->views().empty());
  const NumberArray& scores = *file_.numbers("tiny.scores");
  ASSERT_EQ(scores.size(), 2u);
  EXPECT_EQ(scores.number(0), -1.5);
  EXPECT_EQ(scores.number(1), 2.0);
  const NumberArray& types = *file_.integers("tiny.types");
  ASSERT_EQ(types.size(), 3u);
  EXPECT_EQ(types.integer(1), -2);
  EXPECT_EQ(types.number(2), 3.0);
  EXPECT_EQ(file_.integers("tiny.flags")->integer(0), 1);
}

TEST_F(Gguf, NumbersOfEveryTypeInLists) {
  GgufTestFile file;
  file.list("u8", GgufType::u8, 1, raw(uint8_t{255}))
      .list("i8", GgufType::i8, 1, raw(int8_t{-128}))
      .list("u16", GgufType::u16, 1, raw(uint16_t{65535}))
      .list("i16", GgufType::i16, 1, raw(int16_t{-32768}))
      .list("u32", GgufType::u32, 1, raw(uint32_t{4294967295}))
      .list("i64", GgufType::i64, 1, raw(int64_t{-1} << 40))
      .list("u64", GgufType::u64, 1, raw(uint64_t{1} << 40))
      .list("f64", GgufType::f64, 1, raw(1e300));
  const auto bytes = file.bytes();
  const GgufFile read = GgufFile::from_memory(bytes, "lists.gguf");
  EXPECT_EQ(read.integers("u8")->integer(0), 255);
  EXPECT_EQ(read.integers("i8")->integer(0), -128);
  EXPECT_EQ(read.integers("u16")->integer(0), 65535);
  EXPECT_EQ(read.integers("i16")->integer(0), -32768);
  EXPECT_EQ(read.integers("u32")->integer(0), 4294967295);
  EXPECT_EQ(read.integers("i64")->integer(0), int64_t{-1} << 40);
  EXPECT_EQ(read.integers("u64")->integer(0), int64_t{1} << 40);
  EXPECT_EQ(read.numbers("f64")->number(0), 1e300);
}

TEST_F(Gguf, AbsentKeysAreNotErrors) {
  EXPECT_EQ(file_.integer("absent"), std::nullopt);
  EXPECT_EQ(file_.number("absent"), std::nullopt);
  EXPECT_EQ(file_.boolean("absent"), std::nullopt);
  EXPECT_EQ(file_.string("absent"), std::nullopt);
  EXPECT_EQ(file_.strings("absent"), nullptr);
  EXPECT_EQ(file_.numbers("absent"), nullptr);
  EXPECT_EQ(file_.integers("absent"), nullptr);
}

TEST_F(Gguf, WrongTypesAreNamed) {
  EXPECT_EQ(bad_file_of([&] { file_.integer("tiny.f32"); }),
            "sample.gguf: metadata 'tiny.f32' is a float, expected an integer; the file is damaged or not a model");
  const auto expect = [](const std::string& message, const char* part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect(bad_file_of([&] { file_.integer("tiny.u64"); }), "is 18446744073709551615, expected less than 2^63");
  expect(bad_file_of([&] { file_.number("tiny.yes"); }), "is a boolean, expected a number");
  expect(bad_file_of([&] { file_.boolean("tiny.u8"); }), "is an integer, expected a boolean");
  expect(bad_file_of([&] { file_.string("tiny.tokens"); }), "is a list of strings, expected a string");
  expect(bad_file_of([&] { file_.strings("tiny.scores"); }), "is a list of f32, expected a list of strings");
  expect(bad_file_of([&] { file_.numbers("tiny.tokens"); }), "is a list of strings, expected a list of numbers");
  expect(bad_file_of([&] { file_.integers("tiny.scores"); }), "is a list of f32, expected a list of integers");
  expect(bad_file_of([&] { file_.integers("tiny.large"); }), "2^63 or more");
  expect(bad_file_of([&] { file_.numbers("tiny.scores")->integer(0); }), "expected integers");
  expect(bad_file_of([&] { file_.numbers("tiny.large")->integer(1); }), "too large");
}

TEST_F(Gguf, IntegersServeAsNumbers) {
  EXPECT_EQ(file_.number("tiny.u16"), 60000.0);
  EXPECT_EQ(file_.number("tiny.i8"), -100.0);
}

TEST_F(Gguf, FindsTensorsOutermostDimensionFirst) {
  EXPECT_EQ(file_.names(), (std::vector<std::string>{"wq", "norm", "w_up", "conv"}));
  const Tensor wq = *file_.find("wq");
  EXPECT_EQ(wq.dtype(), DType::f32);
  EXPECT_EQ(wq.shape(), (Shape{3, 2}));
  EXPECT_EQ(wq.row<float>(2)[1], 6.0f);
  EXPECT_EQ(file_.find("norm")->as<uint16_t>()[2], 0x4200);
  EXPECT_EQ(file_.find("w_up")->size_bytes(), 4 * 34);
  EXPECT_EQ(file_.find("conv")->shape(), (Shape{2, 1, 2, 1}));
  EXPECT_FALSE(file_.find("w"));
  EXPECT_FALSE(file_.find("wr"));
  EXPECT_EQ(static_cast<const void*>(file_.find("conv")->as<std::byte>() + 4), bytes_.data() + bytes_.size());
}

TEST_F(Gguf, ReadsEveryElementType) {
  constexpr std::pair<uint32_t, DType> kTypes[] = {
      {0, DType::f32},   {1, DType::f16},   {2, DType::q4_0},  {3, DType::q4_1},    {6, DType::q5_0},
      {7, DType::q5_1},  {8, DType::q8_0},  {10, DType::q2_k}, {11, DType::q3_k},   {12, DType::q4_k},
      {13, DType::q5_k}, {14, DType::q6_k}, {24, DType::i8},   {20, DType::iq4_nl}, {23, DType::iq4_xs},
      {25, DType::i16},  {26, DType::i32},  {27, DType::i64},  {28, DType::f64},    {30, DType::bf16},
      {39, DType::mxfp4}};
  GgufTestFile file;
  for (const auto& [number, dtype] : kTypes) {
    const std::string content(static_cast<size_t>(size_bytes(dtype, {2, 256})), '\7');
    file.tensor(info(dtype).name, {256, 2}, number, content);
  }
  const auto bytes = file.bytes();
  const GgufFile read = GgufFile::from_memory(bytes, "types.gguf");
  for (const auto& [number, dtype] : kTypes) EXPECT_EQ(read.find(info(dtype).name)->dtype(), dtype);
}

TEST_F(Gguf, ReadsVersion2AndOtherAlignments) {
  GgufTestFile file;
  file.version = 2;
  file.alignment = 256;
  file.entry("general.alignment", GgufType::u32, raw(uint32_t{256})).tensor("a", {1}, 0, raw(1.0f));
  file.tensor("b", {1}, 0, raw(2.0f));
  const auto bytes = file.bytes();
  const GgufFile read = GgufFile::from_memory(bytes, "v2.gguf");
  EXPECT_EQ(read.version(), 2);
  EXPECT_EQ(*read.find("b")->as<float>(), 2.0f);
}

TEST_F(Gguf, ReadsAFileWithoutTensors) {
  GgufTestFile file;
  file.entry("general.architecture", GgufType::string, raw_string("vocab"));
  const auto bytes = file.bytes();
  EXPECT_TRUE(GgufFile::from_memory(bytes, "vocab.gguf").names().empty());
}

TEST_F(Gguf, MapsAFileAndReleasesItsPages) {
  const std::string path = testing::TempDir() + "mapped.gguf";
  sample_gguf().write(path);
  const GgufFile mapped(path);
  const Tensor wq = *mapped.find("wq");
  EXPECT_EQ(mapped.path(), path);
  mapped.release(wq);
  EXPECT_EQ(wq.row<float>(0)[0], 1.0f);
  float elsewhere = 0;
  mapped.release(Tensor(&elsewhere, DType::f32, {1}));  // not of this file: nothing to do
  file_.release(*file_.find("wq"));                     // the caller's memory stays as it is
  EXPECT_EQ(file_.find("wq")->row<float>(0)[0], 1.0f);
}

TEST_F(Gguf, RequireNamesWhatIsMissingOrOfAnotherShape) {
  EXPECT_EQ(file_.require("wq", {3, 2}).data(), file_.find("wq")->data());
  EXPECT_EQ(bad_file_of([&] { file_.require("wk", {3, 2}); }),
            "sample.gguf: tensor 'wk' is missing; the file is incomplete or of another architecture");
  EXPECT_EQ(bad_file_of([&] { file_.require("wq", {2, 3}); }),
            "sample.gguf: tensor 'wq' is [3, 2], expected [2, 3]; the file is damaged or of another architecture");
}

}  // namespace
}  // namespace tidemill
