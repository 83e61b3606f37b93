#define TIDEMILL_COUNT_ALLOCATIONS
#include "sys/allocation_counter.h"

#include <gtest/gtest.h>

#include <memory>

namespace tidemill {
namespace {

TEST(AllocationCounterTest, Counts) {
  if (!kCountsAllocations) GTEST_SKIP() << "allocations are the sanitizer's";
  const int64_t before = allocation_count();
  const auto memory = std::make_shared<int64_t>(before);
  EXPECT_EQ(allocation_count(), before + 1);
}

}  // namespace
}  // namespace tidemill
