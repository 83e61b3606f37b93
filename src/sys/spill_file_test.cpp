#include "sys/spill_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "sys/test_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

TEST(SpillFile, KeepsBytesInAFileWithoutAName) {
  const TestFolder folder;
  SpillFile file(folder.path("out.gguf"));
  std::vector<std::span<const std::byte>> kept;
  for (const size_t size : {size_t{1}, size_t{5000}, size_t{4096}, size_t{0}, size_t{70'000}})
    kept.push_back(file.keep(std::vector<std::byte>(size, static_cast<std::byte>(size))));
  for (const auto part : kept)
    for (const std::byte one : part) ASSERT_EQ(one, static_cast<std::byte>(part.size()));
  EXPECT_EQ(kept[4].size(), 70'000);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path("")));
}

TEST(SpillFile, NamesTheFileInAMissingFolder) {
  SpillFile file("no/such/folder/out.gguf");
  try {
    file.keep(std::vector<std::byte>(1));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_TRUE(std::string(error.what()).starts_with("no/such/folder/out.gguf: "));
  }
}

}  // namespace
}  // namespace tidemill
