// Models in several files: which sets open, and what is said of the others.
#include "formats/gguf_split.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "formats/gguf_test_file.h"

namespace tidemill {
namespace {

class GgufSplitSet : public testing::Test {
 protected:
  void SetUp() override {
    // A folder per test, so that tests may run at once.
    folder_ = testing::TempDir() + "split_" + testing::UnitTest::GetInstance()->current_test_info()->name() + "/";
    std::filesystem::create_directories(folder_);
    for (uint16_t part = 0; part < 3; ++part) {
      parts_[part] = part_of(part, 3, 3);
      parts_[part].tensor("t" + std::to_string(part), {1}, 0, raw(static_cast<float>(part)));
    }
    parts_[0].entry("general.architecture", GgufType::string, raw_string("tiny"));
  }

  static GgufTestFile part_of(uint16_t part, uint16_t n_parts, int32_t n_tensors) {
    GgufTestFile file;
    file.entry("split.no", GgufType::u16, raw(part))
        .entry("split.count", GgufType::u16, raw(n_parts))
        .entry("split.tensors.count", GgufType::i32, raw(n_tensors));
    return file;
  }

  std::string path(int part) const { return folder_ + "m-0000" + std::to_string(part + 1) + "-of-00003.gguf"; }

  void write_all() const {
    for (int part = 0; part < 3; ++part) parts_[part].write(path(part));
  }

  // The message of the error of opening `path`; the code must be `code`.
  static std::string refusal(const std::string& path, ErrorCode code = ErrorCode::bad_file) {
    try {
      const GgufFile file(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      return error.what();
    }
    return "no error";
  }

  static void expect_part(const std::string& message, const std::string& part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }

  std::string folder_;
  GgufTestFile parts_[3];
};

TEST_F(GgufSplitSet, OpensAsOneModel) {
  write_all();
  const GgufFile file(path(0));
  EXPECT_EQ(file.names(), (std::vector<std::string>{"t0", "t1", "t2"}));
  for (int part = 0; part < 3; ++part) {
    const Tensor tensor = *file.find("t" + std::to_string(part));
    file.release(tensor);
    EXPECT_EQ(*tensor.as<float>(), static_cast<float>(part));
  }
  EXPECT_EQ(file.string("general.architecture"), "tiny");
}

TEST_F(GgufSplitSet, AFirstPartMayHoldMetadataOnly) {
  parts_[0] = part_of(0, 3, 2);
  parts_[1] = part_of(1, 3, 2).tensor("a", {1}, 0, raw(1.0f));
  parts_[2] = part_of(2, 3, 2).tensor("b", {1}, 0, raw(2.0f));
  write_all();
  EXPECT_EQ(GgufFile(path(0)).names(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(GgufSplitSet, NamesAMissingPart) {
  write_all();
  std::filesystem::remove(path(1));
  EXPECT_EQ(refusal(path(0), ErrorCode::not_found),
            path(1) + ": part 2 of 3 of the model is missing; put all parts into one folder");
}

TEST_F(GgufSplitSet, AsksForTheFirstPart) {
  write_all();
  expect_part(refusal(path(1)), "part 2 of 3 of a model; give the first part");
}

TEST_F(GgufSplitSet, AsksForTheOriginalName) {
  parts_[0].write(folder_ + "renamed.gguf");
  expect_part(refusal(folder_ + "renamed.gguf"), "its name does not end in -00001-of-00003.gguf");
}

TEST_F(GgufSplitSet, RefusesPartsOfAnotherModel) {
  write_all();
  parts_[1].write(path(2));  // says that it is part 2
  expect_part(refusal(path(0)), "m-00003-of-00003.gguf: not part 3 of the model of");
  part_of(2, 3, 9).write(path(2));  // of a model with more tensors
  expect_part(refusal(path(0)), "not part 3 of the model of");
}

TEST_F(GgufSplitSet, CountsTensorsOfAllParts) {
  for (int part = 0; part < 3; ++part) parts_[part].write(path(part));
  part_of(2, 3, 3).write(path(2));
  expect_part(refusal(path(0)), "its parts hold 2 tensors, expected 3");
  part_of(1, 3, 3)
      .tensor("a", {1}, 0, raw(1.0f))
      .tensor("b", {1}, 0, raw(1.0f))
      .tensor("c", {1}, 0, "    ")
      .write(path(1));
  expect_part(refusal(path(0)), "its parts hold 4 tensors, expected 3");
}

TEST_F(GgufSplitSet, RefusesANameInTwoParts) {
  parts_[2] = part_of(2, 3, 3).tensor("t1", {1}, 0, raw(1.0f));
  write_all();
  expect_part(refusal(path(0)), "tensor 't1' occurs twice");
}

TEST_F(GgufSplitSet, RefusesDamageInALaterPart) {
  write_all();
  parts_[2].data.pop_back();
  parts_[2].write(path(2));
  expect_part(refusal(path(0)), "m-00003-of-00003.gguf: tensor 't2' reaches past the end of the file");
}

TEST_F(GgufSplitSet, RefusesNonsenseInItsMetadata) {
  const auto message = [&](const std::string& key, GgufType type, const std::string& value) {
    GgufTestFile file;
    if (key != "split.no") file.entry("split.no", GgufType::u16, raw(uint16_t{0}));
    if (key != "split.count") file.entry("split.count", GgufType::u16, raw(uint16_t{2}));
    if (key != "split.tensors.count") file.entry("split.tensors.count", GgufType::i32, raw(int32_t{2}));
    if (!value.empty()) file.entry(key, type, value);
    file.write(path(0));
    return refusal(path(0));
  };
  expect_part(message("split.no", GgufType::u16, ""), "metadata 'split.no' is missing, expected 0 to 1");
  expect_part(message("split.no", GgufType::i16, raw(int16_t{-1})), "metadata 'split.no' is -1, expected 0 to 1");
  expect_part(message("split.count", GgufType::u32, raw(uint32_t{100000})), "metadata 'split.count' is 100000");
  expect_part(message("split.count", GgufType::string, raw_string("3")), "'split.count' is a string");
  expect_part(message("split.tensors.count", GgufType::i32, raw(int32_t{-1})), "'split.tensors.count' is -1");
}

TEST_F(GgufSplitSet, OnePartOfOneIsAFileLikeAnyOther) {
  part_of(0, 1, 1).tensor("a", {1}, 0, raw(1.0f)).write(folder_ + "single.gguf");
  EXPECT_TRUE(GgufFile(folder_ + "single.gguf").find("a"));
}

TEST_F(GgufSplitSet, IsNotReadFromMemory) {
  const auto bytes = parts_[0].bytes();
  EXPECT_THROW(GgufFile::from_memory(bytes, "part"), Error);
}

}  // namespace
}  // namespace tidemill
