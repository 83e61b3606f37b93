// Weights of fine-tunes: made once while there is room, dropped by their last use, never above the limit.
#include "runtime/version_cache.h"

#include <gtest/gtest.h>

#include <memory>

namespace tidemill {
namespace {

class VersionCacheTest : public testing::Test {
 protected:
  // Reads groups [0, n) of a fine-tune, as a pass does; each is of 10 bytes.  Returns how many were made.
  int read(uint64_t number, size_t n) {
    int n_made = 0;
    for (size_t index = 0; index < n; ++index)
      cache.get(number, index, 10, [&] { return ++n_made, WeightGroup{.weights = {}, .n_bytes = 10}; });
    EXPECT_LE(cache.counts().n_bytes, cache.counts().max_bytes);
    return n_made;
  }
  void begin(std::vector<uint64_t> numbers) { cache.begin_pass(numbers); }
  int pass(uint64_t number, size_t n) {
    begin({number});
    return read(number, n);
  }

  VersionCache cache{40};
};

TEST_F(VersionCacheTest, MakesEachGroupOnce) {
  EXPECT_EQ(pass(1, 4), 4);
  EXPECT_EQ(pass(1, 4), 0);
  const VersionCache::Counts counts = cache.counts();
  EXPECT_EQ(counts.n_bytes, 40);
  EXPECT_EQ(counts.n_hits, 4);
  EXPECT_EQ(counts.n_misses, 4);
  EXPECT_EQ(counts.n_evictions, 0);
}

TEST_F(VersionCacheTest, WhatThePassDoesNotReadMakesRoom) {
  pass(1, 4);
  EXPECT_EQ(pass(2, 3), 3);
  EXPECT_EQ(cache.counts().n_evictions, 3);
  EXPECT_EQ(pass(2, 3), 0);
  EXPECT_EQ(pass(1, 4), 3) << "the one that was used last is still there";
}

TEST_F(VersionCacheTest, OfMoreThanFitsAsMuchStaysAsFits) {
  EXPECT_EQ(pass(1, 6), 6);
  for (int round = 0; round < 3; ++round) EXPECT_EQ(pass(1, 6), 2);
  EXPECT_EQ(cache.counts().n_evictions, 0);
  begin({1, 2});
  EXPECT_EQ(read(1, 6) + read(2, 3), 5) << "two fine-tunes of one pass";
}

TEST_F(VersionCacheTest, WhatIsHeldOutlivesItsPlace) {
  const auto number = std::make_shared<int>(7);
  begin({1});
  const auto held =
      cache.get(1, 0, 40, [&] { return WeightGroup{.weights = {{.tensor = {}, .memory = number}}, .n_bytes = 40}; });
  EXPECT_EQ(pass(2, 1), 1);
  EXPECT_EQ(cache.counts().n_evictions, 1);
  EXPECT_EQ(number.use_count(), 2);
}

TEST_F(VersionCacheTest, NothingLargerThanTheLimitIsKept) {
  for (int round = 0; round < 2; ++round) cache.get(1, 0, 50, [] { return WeightGroup{.weights = {}, .n_bytes = 50}; });
  EXPECT_EQ(cache.counts().n_misses, 2);
  EXPECT_EQ(cache.counts().n_bytes, 0);
}

TEST_F(VersionCacheTest, AFailureKeepsNothing) {
  EXPECT_THROW(cache.get(1, 0, 10, []() -> WeightGroup { throw 1; }), int);
  EXPECT_EQ(cache.counts().n_bytes, 0);
  EXPECT_EQ(read(1, 1), 1);
}

TEST_F(VersionCacheTest, ForgetsAFineTuneThatIsGone) {
  pass(1, 2);
  read(2, 2);
  cache.forget(1);
  EXPECT_EQ(cache.counts().n_bytes, 20);
  EXPECT_EQ(pass(2, 2), 0);
}

}  // namespace
}  // namespace tidemill
