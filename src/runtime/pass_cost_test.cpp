#include "runtime/pass_cost.h"

#include <gtest/gtest.h>

namespace tidemill {
namespace {

TEST(PassCost, KnowsNothingBeforeAPass) {
  const PassCost cost;
  EXPECT_EQ(cost.seconds(1), 0);
  EXPECT_EQ(cost.seconds(8), 0);
  EXPECT_EQ(PassLoad(cost, 1).rate_with(0, 0, 0), 0);
}

TEST(PassCost, LearnsARowAloneAndALineOfMore) {
  PassCost cost;
  for (int round = 0; round < 200; ++round) {
    cost.add(1, 0.010);
    for (int64_t n_rows : {2, 5, 12}) cost.add(n_rows, 0.018 + 0.002 * static_cast<double>(n_rows));
  }
  EXPECT_NEAR(cost.seconds(1), 0.010, 1e-6);
  EXPECT_NEAR(cost.seconds(2), 0.022, 0.001);
  EXPECT_NEAR(cost.seconds(8), 0.034, 0.001);
  EXPECT_NEAR(cost.seconds(16), 0.050, 0.002);
}

TEST(PassCost, MoreRowsNeverTakeLess) {
  PassCost cost;
  cost.add(1, 0.010);
  cost.add(4, 0.100);  // disturbed
  cost.add(16, 0.005);
  for (int64_t n_rows = 1; n_rows < PassCost::kMostRows; ++n_rows)
    EXPECT_LE(cost.seconds(n_rows), cost.seconds(n_rows + 1)) << n_rows;
}

TEST(PassCost, PassesThatReadPromptsTeachNothing) {
  PassCost cost;
  cost.add(256, 1);
  cost.add(0, 1);
  EXPECT_EQ(cost.seconds(1), 0);
}

TEST(PassCost, ABatchTellsSomethingOfARowAlone) {
  PassCost cost;
  cost.add(8, 0.08);
  EXPECT_GT(cost.seconds(1), 0);
  EXPECT_GT(cost.seconds(9), cost.seconds(1));
}

TEST(PassLoad, CountsWhatThePassHoldsAnyway) {
  PassCost cost;
  for (int round = 0; round < 100; ++round) cost.add(1, 0.01);
  PassLoad load(cost, 1);
  EXPECT_NEAR(load.rate_with(0, 0, 0), 100, 1e-6);
  EXPECT_NEAR(load.rate_with(0, 0, 0.01), 50, 1e-6);
  load.add(3, 3);
  EXPECT_EQ(load.n_rows(), 4);
  EXPECT_NEAR(load.rate_with(0, 0, 0), 4 / cost.seconds(4), 1e-6);
}

}  // namespace
}  // namespace tidemill
