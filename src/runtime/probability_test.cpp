// The greatest of many scores: the same as looking at them one by one.
#include "tidemill/probability.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "sys/random.h"

namespace tidemill {
namespace {

int32_t arg_max_one_by_one(const std::vector<float>& logits) {
  int32_t best = -1;
  for (size_t index = 0; index < logits.size(); ++index) {
    const bool is_greater = best < 0 ? !std::isnan(logits[index]) : logits[index] > logits[static_cast<size_t>(best)];
    if (is_greater) best = static_cast<int32_t>(index);
  }
  return best;
}

TEST(ArgMax, IsTheFirstOfTheGreatestWhateverTheLength) {
  Random random(7);
  for (const size_t n : {1, 2, 31, 32, 33, 1023, 1024, 1025, 2047, 3000, 5000}) {
    std::vector<float> logits(n);
    for (float& logit : logits) logit = static_cast<float>(std::floor(random.uniform() * 100));  // with equals
    EXPECT_EQ(arg_max(logits), arg_max_one_by_one(logits)) << n;
    for (const size_t place : {size_t{0}, n / 2, n - 1}) {
      std::vector<float> peaked = logits;
      peaked[place] = 1000;
      EXPECT_EQ(arg_max(peaked), static_cast<int32_t>(place));
    }
  }
}

TEST(ArgMax, NanIsNeverTheGreatest) {
  EXPECT_EQ(arg_max({}), -1);
  EXPECT_EQ(arg_max(std::vector<float>(2000, NAN)), -1);
  EXPECT_EQ(arg_max(std::vector<float>(2000, -INFINITY)), 0);
  std::vector<float> logits(2000, NAN);
  logits[1500] = -INFINITY;
  EXPECT_EQ(arg_max(logits), 1500);
  logits[1999] = -3;
  EXPECT_EQ(arg_max(logits), 1999);
}

}  // namespace
}  // namespace tidemill
