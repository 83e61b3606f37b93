#include "backends/cpu/allocation_counter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

namespace {

std::atomic<int64_t> n_allocations = 0;

}  // namespace

void* operator new(size_t size) {
  ++n_allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace tidemill {

int64_t allocation_count() {
  return n_allocations;
}

namespace {

TEST(AllocationCounterTest, Counts) {
  const int64_t before = allocation_count();
  const auto memory = std::make_shared<int64_t>(before);
  EXPECT_EQ(allocation_count(), before + 1);
}

}  // namespace
}  // namespace tidemill
