#include "sys/atomic_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>

#include "sys/huge_pages.h"
#include "sys/test_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

int64_t n_files(const TestFolder& folder) {
  const std::filesystem::directory_iterator files(folder.path(""));
  return std::distance(begin(files), end(files));
}

template <typename Action>
void expect_error(ErrorCode code, Action action) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
  }
}

TEST(AtomicFile, AppearsWholeAtCommit) {
  const TestFolder folder;
  AtomicFile file(folder.path("a"));
  file.write("hello ");
  EXPECT_FALSE(std::filesystem::exists(folder.path("a")));
  file.write("world");
  file.write("");
  file.commit();
  EXPECT_EQ(folder.read("a"), "hello world");
  EXPECT_EQ(n_files(folder), 1);
}

TEST(AtomicFile, ReservedSpaceIsNoContent) {
  const TestFolder folder;
  AtomicFile file(folder.path("a"));
  file.reserve(1 << 20);
  file.write("hello");
  file.commit();
  EXPECT_EQ(folder.read("a"), "hello");
}

TEST(AtomicFile, WholeHugePagesHoldWhatWasAppended) {
  const TestFolder folder;
  for (const size_t size : {size_t{0}, size_t{1}, kHugePage - 1, kHugePage, 2 * kHugePage + 12345}) {
    std::string text(size, 'x');
    for (size_t at = 0; at < size; ++at) text[at] = static_cast<char>('a' + at * at % 23);
    AtomicFile file(folder.path("a"));
    file.write_huge_pages();
    const std::string_view whole = text;
    for (size_t at = 0, n = 1; at < size; at += n, n = n * 7 + 3) {
      file.write(whole.substr(at, n));
      EXPECT_EQ(file.n_written(), static_cast<int64_t>(std::min(at + n, size)));
    }
    file.commit();
    EXPECT_EQ(folder.read("a"), text) << size;
  }
}

TEST(AtomicFile, ReplacesTheOldFileOnlyAtCommit) {
  const TestFolder folder;
  folder.write("a", "old");
  {
    AtomicFile file(folder.path("a"));
    file.write("new");
    EXPECT_EQ(folder.read("a"), "old");
    file.commit();
  }
  EXPECT_EQ(folder.read("a"), "new");
  EXPECT_EQ(n_files(folder), 1);
}

TEST(AtomicFile, LeavesNothingWithoutACommit) {
  const TestFolder folder;
  folder.write("a", "old");
  {
    AtomicFile(folder.path("a")).write("new");
  }
  EXPECT_EQ(folder.read("a"), "old");
  EXPECT_EQ(n_files(folder), 1);
}

TEST(AtomicFile, TwoWritersDoNotMix) {
  const TestFolder folder;
  AtomicFile first(folder.path("a"));
  AtomicFile second(folder.path("a"));
  first.write("first");
  second.write("second");
  second.commit();
  EXPECT_EQ(folder.read("a"), "second");
  first.commit();
  EXPECT_EQ(folder.read("a"), "first");
  EXPECT_EQ(n_files(folder), 1);
}

TEST(AtomicFile, IsAsReadableAsOtherFiles) {
  const TestFolder folder;
  const mode_t mask = ::umask(022);
  AtomicFile file(folder.path("a"));
  ::umask(mask);
  file.commit();
  struct stat status;
  ASSERT_EQ(::stat(folder.path("a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0644u);
}

TEST(AtomicFile, TakesTheLongestNames) {
  const TestFolder folder;
  const std::string name(255, 'n');
  AtomicFile file(folder.path(name));
  file.write("x");
  file.commit();
  EXPECT_EQ(folder.read(name), "x");
}

TEST(AtomicFile, RefusesWhatCannotBeAFile) {
  const TestFolder folder;
  folder.write("file", "x");
  expect_error(ErrorCode::invalid_argument, [] { AtomicFile file(""); });
  expect_error(ErrorCode::invalid_argument, [&] { AtomicFile file(folder.path("")); });
  expect_error(ErrorCode::invalid_argument, [&] { AtomicFile file(folder.path(std::string_view("a\0b", 3))); });
  expect_error(ErrorCode::not_found, [&] { AtomicFile file(folder.path("none/a")); });
  expect_error(ErrorCode::not_found, [&] { AtomicFile file(folder.path("file/a")); });
}

TEST(AtomicFile, DoesNotReplaceAFolder) {
  const TestFolder folder;
  std::filesystem::create_directory(folder.path("sub"));
  {
    AtomicFile file(folder.path("sub"));
    file.write("x");
    expect_error(ErrorCode::io, [&] { file.commit(); });
  }
  EXPECT_TRUE(std::filesystem::is_directory(folder.path("sub")));
  EXPECT_EQ(n_files(folder), 1);
}

TEST(AtomicFile, AFullDiskIsSaidAndLeavesTheOldFile) {
  const TestFolder folder;
  folder.write("a", "old");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto on_signal = ::signal(SIGXFSZ, SIG_IGN);  // else the limit ends the process
  const rlimit small{8192, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  expect_error(ErrorCode::io, [&] {
    AtomicFile file(folder.path("a"));
    file.write(std::string(10000, 'x'));
  });
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, on_signal);
  EXPECT_EQ(folder.read("a"), "old");
  EXPECT_EQ(n_files(folder), 1);
}

}  // namespace
}  // namespace tidemill
