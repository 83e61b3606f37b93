#include "runtime/prompt_lookup.h"

#include <gtest/gtest.h>

namespace tidemill {
namespace {

std::vector<int32_t> guess(std::vector<int32_t> text, int64_t n) {
  PromptLookup lookup;
  const size_t n_given = text.size();
  if (lookup.evidence(text) == 0) return {};
  lookup.append_guess(text, n);
  return {text.begin() + static_cast<std::ptrdiff_t>(n_given), text.end()};
}

TEST(PromptLookup, FindsNothingWhereNothingRepeats) {
  PromptLookup lookup;
  EXPECT_EQ(lookup.evidence({}), 0);
  EXPECT_EQ(lookup.evidence(std::vector<int32_t>{7}), 0);
  EXPECT_EQ(lookup.evidence(std::vector<int32_t>{1, 2, 3, 4}), 0);
}

TEST(PromptLookup, TheLongestMatchCountsThenTheLatest) {
  PromptLookup lookup;
  EXPECT_EQ(lookup.evidence(std::vector<int32_t>{1, 2, 3, 10, 9, 2, 3, 11, 9, 3, 12, 1, 2, 3}), 3);
  EXPECT_EQ(guess({1, 2, 3, 10, 9, 2, 3, 11, 9, 3, 12, 1, 2, 3}, 2), (std::vector<int32_t>{10, 9}));
  EXPECT_EQ(guess({2, 3, 10, 2, 3, 11, 2, 3}, 1), (std::vector<int32_t>{11}));
}

TEST(PromptLookup, WhatHasAPeriodGoesOnWithIt) {
  EXPECT_EQ(guess({5, 6, 7, 5, 6, 7, 5}, 7), (std::vector<int32_t>{6, 7, 5, 6, 7, 5, 6}));
  EXPECT_EQ(guess({4, 4}, 3), (std::vector<int32_t>{4, 4, 4}));
}

TEST(PromptLookup, EvidenceIsBounded) {
  PromptLookup lookup;
  EXPECT_EQ(lookup.evidence(std::vector<int32_t>(100, 3)), PromptLookup::kMostEvidence);
}

TEST(PromptLookup, LooksAtTheEndOfALongTextOnly) {
  std::vector<int32_t> text(PromptLookup::kSearched + 10);
  for (size_t index = 0; index < text.size(); ++index) text[index] = static_cast<int32_t>(index);
  PromptLookup lookup;
  text.back() = 20;
  EXPECT_EQ(lookup.evidence(text), 1);
  text.back() = 5;
  EXPECT_EQ(lookup.evidence(text), 0);
}

}  // namespace
}  // namespace tidemill
