#include "sys/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "sys/test_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

void expect_refused(const std::string& path, ErrorCode code) {
  try {
    const MappedFile file(path);
    ADD_FAILURE() << path << " was mapped";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_TRUE(std::string_view(error.what()).starts_with(printable(path) + ": ")) << error.what();
    EXPECT_NE(std::string_view(error.what()).find("; "), std::string_view::npos) << error.what();
  }
}

// Bytes of mapped files that are resident in this process.
int64_t resident_file_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  int64_t shared = 0;
  statm >> total >> resident >> shared;
  return shared * ::sysconf(_SC_PAGESIZE);
}

TEST(MappedFile, ShowsTheWholeFile) {
  const TestFolder folder;
  const MappedFile file(folder.write("a.txt", "hello"));
  EXPECT_EQ(text_of(file), "hello");
  EXPECT_EQ(file.path(), folder.path("a.txt"));
}

TEST(MappedFile, RefusesWhatIsNotARegularFileWithContent) {
  const TestFolder folder;
  folder.write("empty", "");
  folder.write("file", "x");
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("loop", folder.path("loop").c_str()), 0);
  expect_refused(folder.path("missing"), ErrorCode::not_found);
  expect_refused(folder.path("file/below"), ErrorCode::not_found);
  expect_refused(folder.path(std::string_view("file\0x", 6)), ErrorCode::not_found);
  expect_refused("", ErrorCode::not_found);
  expect_refused(folder.path(""), ErrorCode::bad_file);  // a directory
  expect_refused(folder.path("empty"), ErrorCode::bad_file);
  expect_refused(folder.path("pipe"), ErrorCode::bad_file);  // and does not wait for a writer
  expect_refused(folder.path("loop"), ErrorCode::bad_file);
  expect_refused("/dev/zero", ErrorCode::bad_file);
}

TEST(MappedFile, ReleaseFreesMemoryAndKeepsTheContent) {
  const TestFolder folder;
  std::string content(8 << 20, 'a');
  for (size_t pos = 0; pos < content.size(); pos += 1000) content[pos] = static_cast<char>('b' + pos % 20);
  const MappedFile file(folder.write("big", content));
  file.will_read(file.bytes());
  EXPECT_EQ(text_of(file), content);
  const int64_t before = resident_file_bytes();
  file.release(file.bytes());
  EXPECT_LT(resident_file_bytes(), before - (6 << 20));
  EXPECT_EQ(text_of(file), content);
  file.release(file.bytes().subspan(5000, 7));  // any part, not only whole pages
  file.release(file.bytes().subspan(content.size()));
  EXPECT_EQ(text_of(file), content);
}

TEST(MappedFile, MovesItsMapping) {
  const TestFolder folder;
  MappedFile first(folder.write("1", "one"));
  MappedFile second(folder.write("2", "two"));
  MappedFile moved(std::move(first));
  EXPECT_EQ(text_of(moved), "one");
  EXPECT_EQ(moved.path(), folder.path("1"));
  moved = std::move(second);
  EXPECT_EQ(text_of(moved), "two");
}

}  // namespace
}  // namespace tidemill
