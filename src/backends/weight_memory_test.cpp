#include "backends/weight_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace tidemill {
namespace {

TEST(WeightMemoryTest, PiecesFollowOneAnother) {
  WeightMemory memory(4096);
  std::byte* const first = memory.take(100);
  EXPECT_EQ(memory.take(64), first + 128);  // at the next cache line
  EXPECT_EQ(memory.take(1), first + 192);
  EXPECT_EQ(memory.size_bytes(), 256);
}

TEST(WeightMemoryTest, WhatDoesNotFitGoesElsewhereAndNothingMoves) {
  WeightMemory memory(4096);
  std::byte* const small = memory.take(2048);
  std::byte* const large = memory.take(10000);  // has a block of its own
  EXPECT_EQ(memory.take(1024), small + 2048);   // so that this one goes on
  std::byte* const next = memory.take(2048);
  EXPECT_EQ(memory.take(64), next + 2048);
  const auto fill = [](std::byte* piece, int64_t n) {
    EXPECT_TRUE(std::all_of(piece, piece + n, [](std::byte byte) { return byte == std::byte(0); }));
    std::memset(piece, 1, static_cast<size_t>(n));
  };
  fill(small, 2048);
  fill(large, 10000);
  fill(next, 2048);
}

}  // namespace
}  // namespace tidemill
