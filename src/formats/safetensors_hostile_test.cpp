// Damaged and hostile safetensors files: each rule with the header that breaks it, and files cut and changed
// everywhere.
#include <gtest/gtest.h>

#include <random>

#include "formats/read_all_for_test.h"
#include "formats/safetensors.h"
#include "formats/safetensors_test_file.h"

namespace tidemill {
namespace {

struct HostileCase {
  std::string name;
  std::string message;  // a part of it
  std::string file;
};

void PrintTo(const HostileCase& hostile, std::ostream* out) {
  *out << hostile.name;
}

constexpr std::string_view kTensor = R"("a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]})";

// A tensor with one text of its entry exchanged.
std::string changed(std::string_view from, std::string_view to) {
  std::string entry(kTensor);
  entry.replace(entry.find(from), from.size(), to);
  return safetensors_text("{" + entry + "}", "ab");
}

std::string two(std::string_view a, std::string_view b, std::string_view data) {
  return safetensors_text("{" + std::string(a) + "," + std::string(b) + "}", data);
}

std::string u8(std::string_view name, uint64_t begin, uint64_t end) {
  return safetensors_entry(name, "U8", "[" + std::to_string(end - begin) + "]", begin, end);
}

std::string with_length(uint64_t length, std::string_view rest) {
  std::string file = safetensors_text("", rest);
  std::memcpy(file.data(), &length, sizeof length);
  return file;
}

std::string nested(int depth) {
  const auto n = static_cast<size_t>(depth);
  return R"("data_offsets":[0,2],"x":)" + std::string(n, '[') + std::string(n, ']');
}

std::vector<HostileCase> header_cases() {
  const std::string tensor(kTensor);
  return {
      {"SevenBytes", "too short for a safetensors file", std::string(7, '\0')},
      {"LfsPointer", "git lfs pull", "version https://git-lfs.github.com/spec/v1\n"},
      {"TooLong", "a header of 100,000,001 bytes, more than the 100,000,000 allowed", with_length(100'000'001, "{}")},
      {"Huge", "a header of 18,446,744,073,709,551,615 bytes", with_length(~uint64_t{0}, "{}")},
      {"Truncated", "reaches past the end of the file (needs 3 bytes, 2 left)", with_length(3, "{}")},
      {"Empty", "does not begin with '{'", safetensors_text("")},
      {"LeadingSpace", "does not begin with '{'", safetensors_text(" {}")},
      {"ByteOrderMark", "does not begin with '{'", safetensors_text("\xef\xbb\xbf{}")},
      {"List", "does not begin with '{'", safetensors_text("[]")},
      {"ZeroByte", "holds a zero byte", safetensors_text(std::string("{}\0", 3))},
      {"Unfinished", "not valid JSON at its byte", safetensors_text("{")},
      {"Trailing", "not valid JSON at its byte", safetensors_text("{}x")},
      {"TrailingComma", "not valid JSON at its byte", safetensors_text("{" + tensor + ",}", "ab")},
      {"NotUtf8", "not valid JSON at its byte", changed("a", "a\xff")},
      {"LoneSurrogate", "not valid JSON at its byte", changed("a", "a\\ud800")},
      {"RawNewline", "not valid JSON at its byte", changed("a", "a\n")},
      {"NotANumber", "not valid JSON at its byte", changed("[2]", "[NaN]")},
      {"MetadataIsAList", "'__metadata__' is a list, expected an object", safetensors_text(R"({"__metadata__":[]})")},
      {"MetadataNumber", "metadata 'k' is a number, expected a string",
       safetensors_text(R"({"__metadata__":{"k":1}})")},
      {"MetadataNull", "metadata 'k' is null, expected a string", safetensors_text(R"({"__metadata__":{"k":null}})")},
      {"MetadataTwice", "'__metadata__' occurs twice", safetensors_text(R"({"__metadata__":{},"__metadata__":{}})")},
      {"MetadataKeyTwice", "metadata 'k' occurs twice",
       safetensors_text(R"({"__metadata__":{"k":"1","j":"2","k":"3"}})")},
  };
}

std::vector<HostileCase> entry_cases() {
  return {
      {"Null", "tensor 'a' is null, expected an object", safetensors_text(R"({"a":null})")},
      {"List", "tensor 'a' is a list, expected an object", safetensors_text(R"({"a":["U8",[2],[0,2]]})", "ab")},
      {"NoDtype", "tensor 'a': 'dtype' is missing", changed(R"("dtype":"U8",)", "")},
      {"NoShape", "tensor 'a': 'shape' is missing", changed(R"("shape":[2],)", "")},
      {"NoOffsets", "tensor 'a': 'data_offsets' is missing", changed(R"(,"data_offsets":[0,2])", "")},
      {"DtypeTwice", "tensor 'a': 'dtype' occurs twice", changed("{", R"({"dtype":"U8",)")},
      {"ShapeTwice", "tensor 'a': 'shape' occurs twice", changed("{", R"({"shape":[2],)")},
      {"OffsetsTwice", "tensor 'a': 'data_offsets' occurs twice", changed("{", R"({"data_offsets":[0,2],)")},
      {"DtypeNumber", "tensor 'a': 'dtype' is a number, expected a string", changed(R"("U8")", "8")},
      {"DtypeObject", "tensor 'a': 'dtype' is an object, expected a string", changed(R"("U8")", R"({"U8":null})")},
      {"UnknownDtype", "tensor 'a' has dtype 'Q4', which safetensors does not know", changed("U8", "Q4")},
      {"LowerCaseDtype", "tensor 'a' has dtype 'u8'", changed("U8", "u8")},
      {"ShapeNumber", "tensor 'a': 'shape' is a number, expected a list", changed("[2]", "2")},
      {"DimNegative", "tensor 'a': a number of 'shape' is a negative number", changed("[2]", "[-2]")},
      {"DimFraction", "tensor 'a': a number of 'shape' is a fraction", changed("[2]", "[2.0]")},
      {"DimText", "tensor 'a': a number of 'shape' is a string", changed("[2]", R"(["2"])")},
      {"DimList", "tensor 'a': a number of 'shape' is a list", changed("[2]", "[[2]]")},
      {"DimPast64Bits", "is a fraction or a number past 2^64", changed("[2]", "[18446744073709551616]")},
      {"OneOffset", "'data_offsets' is not a list of two numbers", changed("[0,2]", "[0]")},
      {"ThreeOffsets", "'data_offsets' is not a list of two numbers", changed("[0,2]", "[0,2,2]")},
      {"OffsetNegative", "a number of 'data_offsets' is a negative number", changed("[0,2]", "[-0,2]")},
      {"ElementsOverflow", "tensor 'a': it has more than 2^64 elements", changed("[2]", "[4294967296,4294967296,0]")},
      {"BitsOverflow", "tensor 'a': it has more than 2^64 bits", changed("[2]", "[2305843009213693952]")},
      {"HalfAByte", "tensor 'a': its 12 bits are not whole bytes",
       safetensors_text("{" + safetensors_entry("a", "F4", "[3]", 0, 2) + "}", "ab")},
      {"OffsetsReversed", "its offsets 2 to 0 do not give them", changed("[0,2]", "[2,0]")},
      {"TooManyBytes", "shape and dtype need 2 bytes, its offsets 0 to 3 do not give them", changed("[0,2]", "[0,3]")},
      {"TooFewBytes", "shape and dtype need 4 bytes, its offsets 0 to 2 do not give them", changed("U8", "U16")},
      {"Depth", "the header is nested deeper than 127", changed(R"("data_offsets":[0,2])", nested(126))},
  };
}

std::vector<HostileCase> layout_cases() {
  const std::string long_name(5000, 'n');
  return {
      {"NameTwice", "tensor 'a' occurs twice", two(u8("a", 0, 2), u8("a", 2, 4), "abcd")},
      {"NameTwiceTheSame", "tensor 'a' occurs twice", two(kTensor, kTensor, "ab")},
      {"NameTwiceEmpty", "tensor 'a' occurs twice", two(u8("a", 0, 0), u8("a", 0, 0), "")},
      {"NameTwiceEscaped", "tensor 'a' occurs twice", two(u8("a", 0, 1), u8("\\u0061", 1, 2), "ab")},
      {"StartsLate", "its data begin at 1, expected 0: a hole is before",
       safetensors_text("{" + u8("a", 1, 3) + "}", "abc")},
      {"Hole", "tensor 'b': its data begin at 3, expected 2: a hole is before",
       two(u8("a", 0, 2), u8("b", 3, 4), "abcd")},
      {"Overlap", "tensor 'b': its data begin at 1, expected 2: they overlap",
       two(u8("a", 0, 2), u8("b", 1, 3), "abc")},
      {"SameData", "they overlap those before", two(u8("a", 0, 2), u8("b", 0, 2), "ab")},
      {"EmptyInsideAnother", "they overlap those before", two(u8("a", 0, 2), u8("b", 1, 1), "ab")},
      {"DataCut", "the tensors have 2 bytes, the file holds 1; the file is truncated",
       safetensors_text("{" + u8("a", 0, 2) + "}", "a")},
      {"BytesLeftOver", "the tensors have 2 bytes, the file holds 3; the file is damaged",
       safetensors_text("{" + u8("a", 0, 2) + "}", "abc")},
      {"DataWithoutTensors", "the tensors have 0 bytes, the file holds 1", safetensors_text("{}", "a")},
      {"LongName", "nnn...'", two(u8(long_name, 0, 1), u8(long_name, 1, 2), "ab")},
  };
}

class SafetensorsHostile : public testing::TestWithParam<HostileCase> {};

TEST_P(SafetensorsHostile, IsRefusedWithItsReason) {
  const auto bytes = bytes_of(GetParam().file);
  try {
    SafetensorsFile::from_memory(bytes, "bad.safetensors");
    FAIL() << "no error";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.code(), ErrorCode::bad_file) << message;
    EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
    EXPECT_TRUE(message.starts_with("bad.safetensors: ") && message.find("; ") != std::string::npos) << message;
    EXPECT_LT(message.size(), 480u) << message;
  }
}

std::string case_name(const testing::TestParamInfo<HostileCase>& param) {
  return param.param.name;
}

INSTANTIATE_TEST_SUITE_P(Header, SafetensorsHostile, testing::ValuesIn(header_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Entry, SafetensorsHostile, testing::ValuesIn(entry_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Layout, SafetensorsHostile, testing::ValuesIn(layout_cases()), case_name);

TEST(SafetensorsDepth, TheLibrarysLimitIsRead) {
  const auto bytes = bytes_of(changed(R"("data_offsets":[0,2])", nested(125)));
  EXPECT_NO_THROW(SafetensorsFile::from_memory(bytes, "deep"));
}

TEST(SafetensorsChanged, CutAtEveryByteIsRefused) {
  const auto whole = bytes_of(sample_safetensors());
  ASSERT_EQ(read_all<SafetensorsFile>(whole), Outcome::read);
  for (size_t length = 0; length < whole.size(); ++length) {
    // A copy of exactly this length, so that the address sanitizer sees a read past its end.
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
    ASSERT_EQ(read_all<SafetensorsFile>(cut), Outcome::refused) << length;
  }
}

TEST(SafetensorsChanged, EveryByteMayHaveAnyValue) {
  const auto whole = bytes_of(sample_safetensors());
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      auto copy = whole;
      copy[at] = static_cast<std::byte>(value);
      read_all<SafetensorsFile>(copy);
    }
  }
}

TEST(SafetensorsChanged, RandomChangesNeverCrash) {
  const auto whole = bytes_of(sample_safetensors());
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    auto copy = whole;
    for (int change = 0; change <= round % 8; ++change) {
      copy[random() % copy.size()] = static_cast<std::byte>(random());
    }
    read_all<SafetensorsFile>(copy);
  }
}

}  // namespace
}  // namespace tidemill
