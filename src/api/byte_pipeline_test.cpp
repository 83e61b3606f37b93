#include "api/byte_pipeline.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <vector>

#include "tidemill/error.h"

namespace tidemill {
namespace {

std::byte value_at(int64_t index) {
  return static_cast<std::byte>(index * 31 % 251);
}

// Units of which each byte follows from its place.
ByteSource made(int64_t n_units, int64_t unit_bytes) {
  return {
      .n_units = n_units, .unit_bytes = unit_bytes, .make = [unit_bytes](int64_t begin, int64_t end, std::byte* to) {
        for (int64_t i = begin * unit_bytes; i < end * unit_bytes; ++i) *to++ = value_at(i);
      }};
}

struct Collected {
  std::vector<std::byte> bytes;
  int64_t n_left = 0;  // bytes that have left the caller
  BytePipeline pipeline;

  explicit Collected(ThreadPool& pool)
      : pipeline(
            pool, [this](std::span<const std::byte> piece) { bytes.insert(bytes.end(), piece.begin(), piece.end()); },
            [this](int64_t n) { n_left += n; }) {}
};

TEST(BytePipeline, KeepsTheOrderOfWhatIsMadeAndWhatLiesThere) {
  ThreadPool pool(3);
  std::vector<std::byte> lying(9'000'001);
  for (size_t i = 0; i < lying.size(); ++i) lying[i] = value_at(static_cast<int64_t>(i) + 7);
  Collected out(pool);
  out.pipeline.write({.bytes = lying});
  out.pipeline.write({});
  out.pipeline.write(made(12'345, 1000));
  out.pipeline.write(made(3, 5 << 20));  // a unit is more than a piece
  out.pipeline.write({.bytes = std::span(lying).first(3)});
  out.pipeline.finish();

  std::vector<std::byte> expected = lying;
  for (int64_t i = 0; i < 12'345'000; ++i) expected.push_back(value_at(i));
  for (int64_t i = 0; i < 3 * (5 << 20); ++i) expected.push_back(value_at(i));
  for (size_t i = 0; i < 3; ++i) expected.push_back(lying[i]);
  EXPECT_EQ(out.n_left, std::ssize(expected));
  EXPECT_TRUE(out.bytes == expected);
}

TEST(BytePipeline, SaysWhatIsDoneInOrder) {
  ThreadPool pool(2);
  Collected out(pool);
  std::vector<int64_t> borders;
  const auto done = [&](int64_t begin, int64_t end) {
    EXPECT_EQ(begin, borders.empty() ? 0 : borders.back());
    borders.push_back(end);
  };
  const std::vector<std::byte> lying(9'000'000);
  out.pipeline.write({.bytes = lying, .done = done});
  out.pipeline.finish();
  ASSERT_GT(borders.size(), 2u);
  EXPECT_EQ(borders.back(), 9'000'000);
}

// A sink that fails at its second piece, as on a full disk.
TEST(BytePipeline, AFailureToWriteReachesTheCaller) {
  ThreadPool pool(2);
  int n_pieces = 0;
  const auto sink = [&](std::span<const std::byte>) {
    if (++n_pieces == 2) throw Error(ErrorCode::io, "full");
  };
  const auto write_all = [&] {
    BytePipeline pipeline(pool, sink, [](int64_t) {});
    for (int i = 0; i < 100; ++i) pipeline.write(made(1000, 8192));
    pipeline.finish();
  };
  EXPECT_THROW(write_all(), Error);
  EXPECT_EQ(n_pieces, 2);
}

TEST(BytePipeline, AFailureOfTheLastPieceShowsAtTheEnd) {
  ThreadPool pool(1);
  BytePipeline pipeline(pool, [](std::span<const std::byte>) { throw Error(ErrorCode::io, "full"); }, [](int64_t) {});
  pipeline.write(made(10, 10));
  EXPECT_THROW(pipeline.finish(), Error);
}

TEST(BytePipeline, WhatMakesMayThrow) {
  ThreadPool pool(2);
  std::atomic<int> n_pieces = 0;
  {
    BytePipeline pipeline(pool, [&](std::span<const std::byte>) { ++n_pieces; }, [](int64_t) {});
    ByteSource source = made(10, 10);
    source.make = [](int64_t, int64_t, std::byte*) { throw Error(ErrorCode::unsupported, "no"); };
    EXPECT_THROW(pipeline.write(source), Error);
  }
  EXPECT_EQ(n_pieces, 0);
}

}  // namespace
}  // namespace tidemill
