#include "jobs/line_reader.h"

#include <gtest/gtest.h>

#include <vector>

#include "sys/random.h"
#include "sys/test_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

std::vector<std::string> lines_of(const std::string& path) {
  LineReader reader(path);
  std::vector<std::string> lines;
  std::string_view line;
  while (reader.next(line)) lines.emplace_back(line);
  EXPECT_EQ(reader.line_number(), std::ssize(lines));
  return lines;
}

TEST(LineReader, EndsOfLinesAndOfTheFile) {
  const TestFolder folder;
  using Lines = std::vector<std::string>;
  EXPECT_EQ(lines_of(folder.write("a", "")), Lines{});
  EXPECT_EQ(lines_of(folder.write("b", "\n")), Lines{""});
  EXPECT_EQ(lines_of(folder.write("c", "one\r\n\r\ntwo\rthree\n")), (Lines{"one", "", "two\rthree"}));
  EXPECT_EQ(lines_of(folder.write("d", "one\ntwo")), (Lines{"one", "two"}));
  EXPECT_EQ(lines_of(folder.write("e", std::string("a\0b\n", 4))), Lines{std::string("a\0b", 3)});
}

TEST(LineReader, LinesAcrossBlocks) {
  const TestFolder folder;
  Random random(3);
  std::vector<std::string> lines;
  std::string content;
  for (int i = 0; i < 300; ++i) {
    lines.emplace_back(random.next() % (i % 50 == 0 ? 700'000 : 5'000), static_cast<char>('a' + i % 26));
    content += lines.back() + "\n";
  }
  const std::string path = folder.write("a", content);
  EXPECT_EQ(lines_of(path), lines);
  LineReader reader(path);
  std::string_view line;
  int64_t n_bytes = 0;
  while (reader.next(line)) EXPECT_EQ(reader.n_read(), n_bytes += std::ssize(line) + 1);
  EXPECT_EQ(n_bytes, std::ssize(content));
}

TEST(LineReader, WhatIsNoFileOfLinesIsRefused) {
  const TestFolder folder;
  EXPECT_THROW(LineReader(folder.path("gone")), Error);
  EXPECT_THROW(LineReader(folder.path("")), Error);
  EXPECT_THROW(lines_of(folder.write("long", std::string(LineReader::kMaxLine + 2, 'x'))), Error);
}

}  // namespace
}  // namespace tidemill
