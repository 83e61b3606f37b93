#include "tensor/storage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int64_t kMiB = 1 << 20;

bool all_zero(const Storage& storage) {
  return std::all_of(storage.data(), storage.data() + storage.size_bytes(),
                     [](std::byte b) { return b == std::byte{}; });
}

TEST(Storage, IsZeroedAndWritable) {
  for (const int64_t size : {int64_t{1}, int64_t{4096}, 3 * kMiB, 5 * kMiB + 123}) {
    const Storage storage(size);
    EXPECT_EQ(storage.size_bytes(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(storage.data()) % 4096, 0u);
    EXPECT_TRUE(all_zero(storage));
    std::memset(storage.data(), 0xAB, static_cast<size_t>(size));
  }
}

TEST(Storage, LargeBlocksBeginOnAHugePage) {
  const Storage storage(5 * kMiB);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(storage.data()) % (2 * kMiB), 0u);
}

TEST(Storage, CountsLiveBytes) {
  const int64_t before = Storage::total_bytes();
  {
    Storage first(100);
    Storage second(5 * kMiB);
    EXPECT_EQ(Storage::total_bytes(), before + 100 + 5 * kMiB);
    Storage moved(std::move(second));
    first = std::move(moved);
    EXPECT_EQ(first.size_bytes(), 5 * kMiB);
    EXPECT_EQ(Storage::total_bytes(), before + 100 + 5 * kMiB);
  }
  EXPECT_EQ(Storage::total_bytes(), before);
}

TEST(Storage, NothingTakesNothing) {
  const Storage storage(0);
  EXPECT_EQ(storage.size_bytes(), 0);
  EXPECT_EQ(storage.data(), nullptr);
}

TEST(Storage, RefusesImpossibleSizes) {
  const auto code_for = [](int64_t size) {
    try {
      const Storage storage(size);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(code_for(-1), ErrorCode::invalid_argument);
  EXPECT_EQ(code_for(std::numeric_limits<int64_t>::max()), ErrorCode::out_of_memory);
  EXPECT_EQ(code_for(int64_t{1} << 60), ErrorCode::out_of_memory);
}

}  // namespace
}  // namespace tidemill
