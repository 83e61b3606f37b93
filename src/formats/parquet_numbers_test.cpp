// Runs of levels and packed differences: the specification's examples, and bytes that are none.
#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "formats/parquet_delta.h"
#include "formats/parquet_levels.h"
#include "sys/random.h"

namespace tidemill {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<int> values) {
  Bytes result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

std::vector<uint32_t> numbers(const Bytes& from, int bit_width, size_t most = 1000) {
  ParquetRunReader reader(from, bit_width);
  std::vector<uint32_t> result;
  uint32_t value = 0;
  while (result.size() < most && reader.next(value)) result.push_back(value);
  return result;
}

TEST(ParquetRuns, TheSpecificationsExample) {
  EXPECT_EQ(numbers(bytes({0x03, 0x88, 0xc6, 0xfa}), 3), (std::vector<uint32_t>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(ParquetRuns, RunsOfBothKindsAndWidths) {
  EXPECT_EQ(numbers(bytes({0x06, 0x05, 0x03, 0xff, 0x02, 0x01}), 1),
            (std::vector<uint32_t>{5, 5, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(numbers(bytes({0x04, 0x01, 0x02}), 12), (std::vector<uint32_t>{0x201, 0x201}));
  EXPECT_EQ(numbers(bytes({0x02, 1, 2, 3, 4}), 32), std::vector<uint32_t>{0x04030201});
  EXPECT_EQ(numbers({}, 0, 3), (std::vector<uint32_t>{0, 0, 0}));
}

TEST(ParquetRuns, BytesThatEndTooEarlyEndTheNumbers) {
  EXPECT_TRUE(numbers({}, 3).empty());
  EXPECT_TRUE(numbers(bytes({0x80}), 3).empty());
  EXPECT_TRUE(numbers(bytes({0x06}), 3).empty());
  EXPECT_TRUE(numbers(bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0}), 3).empty());
  EXPECT_EQ(numbers(bytes({0x03, 0x88, 0xc6}), 3).size(), 5);  // whole numbers of a run that is cut off
}

TEST(ParquetRuns, WhatIsWrittenIsRead) {
  Random random(4);
  for (int round = 0; round < 50; ++round) {
    ParquetRunWriter writer;
    std::vector<uint32_t> expected;
    for (int run = 0; run < 20; ++run) {
      const auto value = static_cast<uint8_t>(random.next() % 3);
      const uint64_t count = random.next() % 300;
      writer.add(value, count);
      expected.insert(expected.end(), count, value);
    }
    const std::string text = writer.finish();
    Bytes written;
    for (const char c : text.substr(4)) written.push_back(static_cast<std::byte>(c));
    EXPECT_EQ(numbers(written, 2, 10000), expected);
  }
}

std::vector<int64_t> differences(const Bytes& from) {
  ParquetDeltaReader reader(from);
  std::vector<int64_t> result;
  int64_t value = 0;
  while (result.size() < 1000 && reader.next(value)) result.push_back(value);
  return result;
}

// Blocks of 128 numbers in 4 parts; 8 numbers; the first is 7; least difference -2, widths 2, 0, 0, 0.
Bytes example() {
  Bytes result = bytes({0x80, 0x01, 4, 8, 14, 3, 2, 0, 0, 0, 0xc0, 0x3f});
  result.resize(10 + 8);  // 32 numbers of two bits
  return result;
}

TEST(ParquetDeltas, TheSpecificationsExample) {
  EXPECT_EQ(differences(example()), (std::vector<int64_t>{7, 5, 3, 1, 2, 3, 4, 5}));
  size_t end = 0;
  Bytes with_more = example();
  with_more.resize(30);
  EXPECT_TRUE(ParquetDeltaReader::find_end(with_more, end));
  EXPECT_EQ(end, example().size());
}

TEST(ParquetDeltas, OneNumberAndNone) {
  EXPECT_EQ(differences(bytes({0x80, 0x01, 4, 1, 9})), std::vector<int64_t>{-5});
  EXPECT_TRUE(differences(bytes({0x80, 0x01, 4, 0, 0})).empty());
}

TEST(ParquetDeltas, BytesThatAreNone) {
  size_t end = 0;
  const Bytes whole = example();
  for (size_t n = 0; n < whole.size(); ++n) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_FALSE(ParquetDeltaReader::find_end(cut, end)) << n;
    EXPECT_LE(differences(cut).size(), 1) << n;
  }
  for (const Bytes& bad : {bytes({0x80, 0x01, 0, 8, 14}), bytes({0x81, 0x01, 4, 8, 14}), bytes({0, 1, 8, 14}),
                           bytes({0x80, 0x01, 8, 8, 14}), bytes({0x80, 0x01, 4, 8, 14, 3, 65, 0, 0, 0})})
    EXPECT_LE(differences(bad).size(), 1);
}

}  // namespace
}  // namespace tidemill
