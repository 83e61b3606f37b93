#include "text/encoding.h"

#include <gtest/gtest.h>

#include "tidemill/error.h"

namespace tidemill {
namespace {

using Ids = std::vector<int32_t>;

Encoding numbered(int32_t n_tokens, int32_t first = 0) {
  Encoding encoding;
  for (int32_t id = first; id < first + n_tokens; ++id)
    append(encoding, {.id = id, .sequence_id = 0, .special = false});
  return encoding;
}

std::vector<Ids> parts(const Encoding& encoding) {
  std::vector<Ids> lists{encoding.ids};
  for (const Encoding& part : encoding.overflowing) lists.push_back(part.ids);
  return lists;
}

TEST(Encoding, IsCutIntoPartsThatOverlap) {
  Encoding encoding = numbered(7);
  truncate(encoding, 4, 2, Side::right);
  EXPECT_EQ(parts(encoding), (std::vector<Ids>{{0, 1, 2, 3}, {2, 3, 4, 5}, {4, 5, 6}}));
  encoding = numbered(7);
  truncate(encoding, 4, 2, Side::left);
  EXPECT_EQ(parts(encoding), (std::vector<Ids>{{3, 4, 5, 6}, {1, 2, 3, 4}, {0, 1, 2}}));
  encoding = numbered(3);
  truncate(encoding, 3, 5, Side::right);
  EXPECT_EQ(parts(encoding), (std::vector<Ids>{{0, 1, 2}}));
  truncate(encoding, 0, 0, Side::right);
  EXPECT_EQ(parts(encoding), (std::vector<Ids>{{}, {0, 1, 2}}));
}

TEST(Encoding, AStrideThatNeverGetsOnIsRefused) {
  Encoding encoding = numbered(7);
  EXPECT_THROW(truncate(encoding, 4, 4, Side::right), Error);
}

TEST(Encoding, OfAPairTheLongerIsCutFirst) {
  const auto lengths = [](int32_t n_first, int32_t n_second, Truncation truncation) {
    Encoding first = numbered(n_first);
    Encoding second = numbered(n_second);
    truncate(first, &second, truncation);
    return std::pair(first.ids.size(), second.ids.size());
  };
  using enum Truncation::Strategy;
  EXPECT_EQ(lengths(2, 9, {.max_length = 8}), std::pair(size_t{2}, size_t{6}));
  EXPECT_EQ(lengths(9, 2, {.max_length = 8}), std::pair(size_t{6}, size_t{2}));
  EXPECT_EQ(lengths(9, 10, {.max_length = 7}), std::pair(size_t{3}, size_t{4}));
  EXPECT_EQ(lengths(10, 9, {.max_length = 7}), std::pair(size_t{4}, size_t{3}));
  EXPECT_EQ(lengths(3, 3, {.max_length = 7}), std::pair(size_t{3}, size_t{3}));
  EXPECT_EQ(lengths(9, 3, {.max_length = 8, .strategy = only_first}), std::pair(size_t{5}, size_t{3}));
  EXPECT_EQ(lengths(3, 9, {.max_length = 8, .strategy = only_second}), std::pair(size_t{3}, size_t{5}));
  EXPECT_THROW(lengths(3, 9, {.max_length = 8, .strategy = only_first}), Error);
  Encoding single = numbered(9);
  EXPECT_THROW(truncate(single, nullptr, {.max_length = 8, .strategy = only_second}), Error);
}

TEST(Encoding, JoiningCombinesTheOverflowingParts) {
  Encoding first = numbered(3);
  truncate(first, 2, 0, Side::right);
  Encoding second = numbered(3, 10);
  truncate(second, 2, 0, Side::right);
  append(first, second);
  EXPECT_EQ(parts(first), (std::vector<Ids>{{0, 1, 10, 11}, {2, 10, 11}, {2, 12}, {0, 1, 12}}));
}

// As Hugging Face's Encoding::merge_with: what is cut off both texts is found beside each part, and within it.
TEST(Encoding, PartsOfBothTextsHavePartsThemselves) {
  Encoding first = numbered(3);
  Encoding second = numbered(2, 10);
  truncate(first, 2, 0, Side::right);
  truncate(second, 1, 0, Side::right);
  append(first, second);
  EXPECT_EQ(parts(first), (std::vector<Ids>{{0, 1, 10}, {2, 10}, {2, 11}, {0, 1, 11}}));
  ASSERT_EQ(first.overflowing.size(), 3u);
  EXPECT_EQ(parts(first.overflowing[0]), (std::vector<Ids>{{2, 10}, {2, 11}}));
  EXPECT_EQ(parts(first.overflowing[1]), (std::vector<Ids>{{2, 11}}));
  EXPECT_EQ(parts(first.overflowing[2]), (std::vector<Ids>{{0, 1, 11}, {2, 11}}));
}

TEST(Encoding, IsPaddedOnEitherSide) {
  EXPECT_EQ(padded_length(5, {}), 5u);
  EXPECT_EQ(padded_length(5, {.multiple_of = 4}), 8u);
  EXPECT_EQ(padded_length(8, {.multiple_of = 4}), 8u);
  EXPECT_EQ(padded_length(5, {.length = 3}), 3u);
  Encoding encoding = numbered(2);
  pad(encoding, 3, {.id = 9, .type_id = 1});
  EXPECT_EQ(encoding.ids, (Ids{0, 1, 9}));
  EXPECT_EQ(encoding.type_ids, (Ids{0, 0, 1}));
  EXPECT_EQ(encoding.attention_mask, (std::vector<uint8_t>{1, 1, 0}));
  EXPECT_EQ(encoding.special_tokens_mask, (std::vector<uint8_t>{0, 0, 1}));
  EXPECT_EQ(encoding.word_ids.back(), -1);
  pad(encoding, 4, {.side = Side::left, .id = 8});
  EXPECT_EQ(encoding.ids, (Ids{8, 0, 1, 9}));
  pad(encoding, 2, {});
  EXPECT_EQ(encoding.ids.size(), 4u);
}

}  // namespace
}  // namespace tidemill
