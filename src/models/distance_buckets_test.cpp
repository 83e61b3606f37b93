// The buckets of transformers' T5Attention._relative_position_bucket, for keys before and after the query.
#include "models/distance_buckets.h"

#include <gtest/gtest.h>

namespace tidemill {
namespace {

TEST(DistanceBucketsTest, AreThoseOfT5) {
  const std::vector<int32_t> buckets = distance_buckets(32, 128);
  ASSERT_EQ(buckets.size(), 257u);
  const auto of = [&](int64_t distance) { return buckets[static_cast<size_t>(128 + distance)]; };
  EXPECT_EQ(of(0), 0);
  for (int64_t length = 1; length < 8; ++length) {
    EXPECT_EQ(of(-length), length);
    EXPECT_EQ(of(length), 16 + length);
  }
  const struct {
    int64_t first, bucket;
  } kWider[] = {{8, 8}, {12, 9}, {16, 10}, {23, 11}, {32, 12}, {46, 13}, {64, 14}, {91, 15}};
  for (const auto& [first, bucket] : kWider) {
    EXPECT_EQ(of(-first), bucket) << first;
    EXPECT_EQ(of(first), 16 + bucket) << first;
    EXPECT_EQ(of(-first + 1), bucket - 1) << first;
  }
  EXPECT_EQ(of(-128), 15);
  EXPECT_EQ(of(128), 31);
}

TEST(DistanceBucketsTest, AreFewWhereTheModelHasFew) {
  EXPECT_EQ(distance_buckets(4, 2), (std::vector<int32_t>{1, 1, 0, 3, 3}));
}

}  // namespace
}  // namespace tidemill
