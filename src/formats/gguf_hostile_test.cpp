// Damaged and hostile GGUF files: each rule with the file that breaks it, and files cut and changed everywhere.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "formats/gguf.h"
#include "formats/gguf_test_file.h"
#include "formats/read_all_for_test.h"
#include "tensor/dequantize.h"

namespace tidemill {
namespace {

constexpr uint64_t kHuge = uint64_t{1} << 60;

struct HostileCase {
  std::string name;
  ErrorCode code;
  std::string message;  // a part of it
  std::function<void(GgufTestFile&)> damage;
};

void PrintTo(const HostileCase& hostile, std::ostream* out) {
  *out << hostile.name;
}

HostileCase bad(std::string name, std::string message, std::function<void(GgufTestFile&)> damage) {
  return {std::move(name), ErrorCode::bad_file, std::move(message), std::move(damage)};
}

HostileCase unsupported(std::string name, std::string message, std::function<void(GgufTestFile&)> damage) {
  return {std::move(name), ErrorCode::unsupported, std::move(message), std::move(damage)};
}

// An alignment entry of value `alignment`.
void set_alignment(GgufTestFile& file, uint32_t alignment) {
  file.entry("general.alignment", GgufType::u32, raw(alignment));
}

std::vector<HostileCase> header_cases() {
  return {
      bad("Magic", "not a GGUF file", [](auto& file) { file.magic = "GGML"; }),
      bad("LfsPointer", "git lfs pull", [](auto& file) { file.magic = "version https://git-lfs.github.com/spec/v1"; }),
      unsupported("Version1", "GGUF version 1", [](auto& file) { file.version = 1; }),
      unsupported("Version4", "GGUF version 4, newer", [](auto& file) { file.version = 4; }),
      unsupported("BigEndian", "big-endian", [](auto& file) { file.version = 0x03000000; }),
      bad("Version0", "version 0", [](auto& file) { file.version = 0; }),
      bad("ManyTensors", "number of tensors: 1,152,921,504,606,846,976 items cannot fit",
          [](auto& file) { file.n_tensors_said = kHuge; }),
      bad("ManyEntries", "number of metadata entries: 1,152,921,504,606,846,976 items cannot fit",
          [](auto& file) { file.n_entries_said = kHuge; }),
      bad("MoreTensorsThanAllowed", "more than the 65,536 allowed",
          [](auto& file) {
            file.data.resize(33 << 17);
            file.n_tensors_said = 65537;
          }),
      bad("MoreEntriesThanAllowed", "more than the 32,768 allowed",
          [](auto& file) {
            file.data.resize(14 << 16);
            file.n_entries_said = 32769;
          }),
      bad("OneEntryTooMany", "reaches past the end of the file",
          [](auto& file) { file.n_entries_said = file.n_entries + 1; }),
  };
}

std::vector<HostileCase> metadata_cases() {
  return {
      bad("KeyTwice", "metadata 'tiny.u8': the key occurs twice",
          [](auto& file) { file.entry("tiny.u8", GgufType::u8, raw(uint8_t{1})); }),
      bad("EmptyKey", "a name of 0 bytes", [](auto& file) { file.entry("", GgufType::u8, raw(uint8_t{1})); }),
      bad("LongKey", "a name of 65,536 bytes",
          [](auto& file) { file.entry(std::string(65536, 'k'), GgufType::u8, raw(uint8_t{1})); }),
      bad("KeyPastTheEnd", "metadata entry 20 of 20 reaches past the end of the file (needs 1,152,921,504,606,846,976",
          [](auto& file) { file.raw_entry(raw(kHuge) + "key"); }),
      bad("StringPastTheEnd", "metadata 'x' reaches past the end",
          [](auto& file) { file.entry("x", GgufType::string, raw(~uint64_t{0}) + "text"); }),
      bad("UnknownType", "metadata 'x': value type 13 does not exist",
          [](auto& file) { file.entry("x", static_cast<GgufType>(13), raw(kHuge)); }),
      bad("UnknownElementType", "metadata 'x': value type 99 does not exist",
          [](auto& file) { file.list("x", static_cast<GgufType>(99), 1, raw(kHuge)); }),
      unsupported("ListOfLists", "metadata 'x' holds a list of lists",
                  [](auto& file) { file.list("x", GgufType::array, 1, raw(GgufType::u8) + raw(uint64_t{0})); }),
      bad("ListPastTheEnd", "metadata 'x': 2,305,843,009,213,693,952 items cannot fit",
          [](auto& file) { file.list("x", GgufType::u64, kHuge * 2, raw(kHuge)); }),
      bad("ListWhoseBytesOverflow", "items cannot fit",
          [](auto& file) { file.list("x", GgufType::u16, uint64_t{1} << 63, raw(kHuge)); }),
      bad("StringsPastTheEnd", "metadata 'x': 1,152,921,504,606,846,976 items cannot fit",
          [](auto& file) { file.list("x", GgufType::string, kHuge, raw_string("a")); }),
      bad("MoreStringsThanAllowed", "items are more than the 2,097,149 allowed",  // three are in the sample
          [](auto& file) { file.list("x", GgufType::string, 2097150, std::string(8 * 2097150, '\0')); }),
      bad("BooleanOf2", "metadata 'x': a boolean is neither 0 nor 1",
          [](auto& file) { file.entry("x", GgufType::boolean, raw(uint8_t{2})); }),
      bad("BooleanOf2InAList", "metadata 'x': a boolean is neither 0 nor 1",
          [](auto& file) { file.list("x", GgufType::boolean, 2, std::string("\1\2")); }),
      bad("Alignment0", "0 is not a power of two", [](auto& file) { set_alignment(file, 0); }),
      bad("Alignment4", "4 is not a power of two from 8", [](auto& file) { set_alignment(file, 4); }),
      bad("Alignment48", "48 is not a power of two", [](auto& file) { set_alignment(file, 48); }),
      bad("Alignment2To30", "1,073,741,824 is not a power of two from 8 to 1,048,576",
          [](auto& file) { set_alignment(file, 1 << 30); }),
      bad("AlignmentOfAnotherType", "metadata 'general.alignment': a string, expected",
          [](auto& file) { file.entry("general.alignment", GgufType::string, raw_string("32")); }),
  };
}

std::vector<HostileCase> tensor_cases() {
  return {
      bad("NameTwice", "tensor 'wq' occurs twice", [](auto& file) { file.tensor("wq", {1}, 0, raw(1.0f)); }),
      bad("EmptyName", "a name of 0 bytes", [](auto& file) { file.tensor("", {1}, 0, raw(1.0f)); }),
      bad("LongName", "a name of 4,097 bytes",
          [](auto& file) { file.tensor(std::string(4097, 'n'), {1}, 0, raw(1.0f)); }),
      bad("NamePastTheEnd", "tensor 5 of 5 reaches past the end of the file",
          [](auto& file) {
            file.infos += raw(kHuge);
            ++file.n_tensors;
          }),
      bad("Rank0", "tensor 'x': 0 dimensions, expected 1 to 4", [](auto& file) { file.tensor("x", {}, 0, raw(1.0f)); }),
      bad("Rank5", "5 dimensions", [](auto& file) { file.tensor("x", {1, 1, 1, 1, 1}, 0, raw(1.0f)); }),
      bad("RankOfBillions", "4294967295 dimensions, expected 1 to 4",
          [](auto& file) {
            file.infos += raw_string("x") + raw(~uint32_t{0}) + std::string(64, '\1');
            ++file.n_tensors;
          }),
      bad("ZeroDimension", "tensor 'x': a dimension is 0", [](auto& file) { file.tensor("x", {4, 0}, 0, ""); }),
      bad("ElementsOverflow", "more than 2^63 elements",
          [](auto& file) { file.tensor("x", {1u << 31, 1u << 31, 4}, 0, raw(1.0f)); }),
      bad("ElementsOverflowToASmallNumber", "more than 2^63 elements",
          [](auto& file) { file.tensor("x", {uint64_t{1} << 33, uint64_t{1} << 31, 1}, 0, raw(1.0f)); }),
      bad("DimensionAboveInt64", "more than 2^63 elements",
          [](auto& file) { file.tensor("x", {~uint64_t{0}}, 24, raw(1.0f)); }),
      bad("BytesOverflow", "more than 2^63 bytes",
          [](auto& file) { file.tensor("x", {uint64_t{1} << 61}, 0, raw(1.0f)); }),
      bad("SplitBlock", "rows of 48 elements do not hold whole blocks of q8_0 (32)",
          [](auto& file) { file.tensor("x", {48, 2}, 8, std::string(102, '\0')); }),
      unsupported("Nvfp4", "tensor 'x' has type 40 (NVFP4), which this build cannot read",
                  [](auto& file) { file.tensor("x", {64}, 40, std::string(36, '\0')); }),
      unsupported("RemovedType", "type 4 (Q4_2)", [](auto& file) { file.tensor("x", {32}, 4, raw(kHuge)); }),
      unsupported("UnknownTensorType", "type 1000 (unknown)",
                  [](auto& file) { file.tensor("x", {32}, 1000, raw(kHuge)); }),
      bad("OffsetOffTheGrid", "tensor 'x': offset 16 is not a multiple of 32",
          [](auto& file) { file.tensor_at("x", {1}, 0, 16); }),
      bad("OffsetPastTheEnd", "tensor 'x' reaches past the end of the file (needs 4 bytes, 0 left)",
          [](auto& file) { file.tensor_at("x", {1}, 0, uint64_t{1} << 63); }),
      bad("OffsetPlusSizeOverflows", "tensor 'x' reaches past the end of the file",
          [](auto& file) { file.tensor_at("x", {1 << 20}, 0, ~uint64_t{31}); }),
      bad("Truncated", "the file is truncated, download it again", [](auto& file) { file.data.pop_back(); }),
      bad("Overlap", "tensor 'x': its data overlaps that of tensor 'norm'",
          [](auto& file) { file.tensor_at("x", {2}, 1, 32); }),
      bad("OverlapByTheLastByte", "overlaps that of tensor",
          [](auto& file) { file.tensor_at("x", {33}, 24, 0).tensor("y", {1}, 0, raw(1.0f)); }),
  };
}

class GgufHostile : public testing::TestWithParam<HostileCase> {};

TEST_P(GgufHostile, IsRefusedWithItsReason) {
  GgufTestFile file = sample_gguf();
  GetParam().damage(file);
  const auto bytes = file.bytes();
  try {
    GgufFile::from_memory(bytes, "bad.gguf");
    FAIL() << "no error";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.code(), GetParam().code) << message;
    EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
    EXPECT_TRUE(message.starts_with("bad.gguf: ") && message.find("; ") != std::string::npos) << message;
    EXPECT_LT(message.size(), 480u) << message;
  }
}

std::string case_name(const testing::TestParamInfo<HostileCase>& param) {
  return param.param.name;
}

INSTANTIATE_TEST_SUITE_P(Header, GgufHostile, testing::ValuesIn(header_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Metadata, GgufHostile, testing::ValuesIn(metadata_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Tensors, GgufHostile, testing::ValuesIn(tensor_cases()), case_name);

TEST(GgufChanged, CutAtEveryByteIsRefused) {
  const auto whole = sample_gguf().bytes();
  ASSERT_EQ(read_all<GgufFile>(whole), Outcome::read);
  for (size_t length = 0; length < whole.size(); ++length) {
    // A copy of exactly this length, so that the address sanitizer sees a read past its end.
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
    ASSERT_EQ(read_all<GgufFile>(cut), Outcome::refused) << length;
  }
}

TEST(GgufChanged, EveryByteMayHaveAnyValueThatMatters) {
  const auto whole = sample_gguf().bytes();
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      auto changed = whole;
      changed[at] = static_cast<std::byte>(value);
      read_all<GgufFile>(changed);
    }
  }
}

TEST(GgufChanged, RandomChangesNeverCrash) {
  const auto whole = sample_gguf().bytes();
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    auto changed = whole;
    for (int change = 0; change <= round % 8; ++change) {
      changed[random() % changed.size()] = static_cast<std::byte>(random());
    }
    read_all<GgufFile>(changed);
  }
}

}  // namespace
}  // namespace tidemill
