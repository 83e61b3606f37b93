#include "api/text_blocks.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "sys/test_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

void ignore(double) {}

ErrorCode code_of(const std::vector<std::string>& files) {
  try {
    TextBlocks blocks(files, ignore);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;
}

TEST(TextBlocks, BlocksEndAtLinesAndAddUpToTheFiles) {
  const TestFolder folder;
  std::string text;
  for (int k = 0; text.size() < 7'000'000; ++k) text += "line " + std::to_string(k) + "\n";
  TextBlocks blocks({folder.write("a", text), folder.write("b", ""), folder.write("c", "the end")}, ignore);
  std::string block, all;
  int n_blocks = 0;
  for (; blocks.next(block); ++n_blocks) {
    EXPECT_TRUE(block.back() == '\n' || block == "the end");
    all += block;
  }
  EXPECT_EQ(all, text + "the end");
  EXPECT_GT(n_blocks, 3);
  EXPECT_EQ(blocks.n_read(), static_cast<int64_t>(all.size()));
}

TEST(TextBlocks, ALongLineIsCutAtSpacesOrReadWhole) {
  const TestFolder folder;
  std::string spaced, dense(5'000'000, 'x');
  while (spaced.size() < 5'000'000) spaced += " word";
  std::string block;
  TextBlocks cut({folder.write("a", spaced)}, ignore);
  EXPECT_TRUE(cut.next(block));
  EXPECT_LT(block.size(), spaced.size());
  TextBlocks whole({folder.write("b", dense)}, ignore);
  EXPECT_TRUE(whole.next(block));
  EXPECT_EQ(block, dense);
  EXPECT_FALSE(whole.next(block));
}

TEST(TextBlocks, WhatCannotBeReadIsRefusedAtOnce) {
  const TestFolder folder;
  EXPECT_EQ(code_of({}), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of({folder.write("a", "text"), folder.path("missing")}), ErrorCode::not_found);
  EXPECT_EQ(code_of({folder.path("")}), ErrorCode::bad_file);
}

TEST(TextBlocks, TheCheckMayEndIt) {
  const TestFolder folder;
  TextBlocks blocks({folder.write("a", "text")}, [](double share) {
    EXPECT_EQ(share, 0);
    throw std::runtime_error("enough");
  });
  std::string block;
  EXPECT_THROW(blocks.next(block), std::runtime_error);
}

}  // namespace
}  // namespace tidemill
