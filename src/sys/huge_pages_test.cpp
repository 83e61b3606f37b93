#include "sys/huge_pages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>

namespace tidemill {
namespace {

TEST(HugePages, LargeVectorsBeginWhereAHugePageDoes) {
  const HugeVector<uint64_t> large(kHugePage / sizeof(uint64_t));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(large.data()) % kHugePage, 0u);
}

TEST(HugePages, VectorsKeepTheirContentWhenTheyBecomeLarge) {
  HugeVector<uint32_t> numbers;
  for (uint32_t k = 0; k < 3'000'000; ++k) numbers.push_back(k);
  EXPECT_EQ(std::accumulate(numbers.begin(), numbers.end(), uint64_t{0}), uint64_t{3'000'000} * 2'999'999 / 2);
}

// Whatever part of a page it begins in.
TEST(HugePages, AdviceIsHarmless) {
  std::vector<char> bytes(3 * kHugePage + 12345, 'x');
  advise_huge_pages(bytes.data() + 1, 100);
  advise_huge_pages(bytes.data() + 77, bytes.size() - 77);
  advise_huge_pages(nullptr, 0);
  EXPECT_EQ(bytes, std::vector<char>(bytes.size(), 'x'));
}

}  // namespace
}  // namespace tidemill
