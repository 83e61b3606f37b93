#include "runtime/speculation.h"

#include <gtest/gtest.h>

namespace tidemill {
namespace {

// Guesses 1, 2, 3, ... with the same evidence always.
class CountingDrafter final : public Drafter {
 public:
  explicit CountingDrafter(int64_t evidence, double seconds = 0) : evidence_(evidence), seconds_(seconds) {}
  int64_t evidence(std::span<const int32_t>) override { return evidence_; }
  void append_guess(std::vector<int32_t>& text, int64_t n) override {
    ++n_asked;
    for (int32_t id = 1; id <= n; ++id) text.push_back(id);
  }
  double seconds_per_id() const override { return seconds_; }

  int n_asked = 0;

 private:
  int64_t evidence_;
  double seconds_;
};

// Where a row alone takes 10 ms, and each more a tenth of it.
PassCost cheap_rows() {
  PassCost cost;
  for (int round = 0; round < 200; ++round) {
    cost.add(1, 0.010);
    cost.add(2, 0.011);
    cost.add(16, 0.025);
  }
  return cost;
}

size_t proposed(Speculation& speculation, const PassCost& cost, int64_t most = 100) {
  std::vector<int32_t> text = {9};
  PassLoad load(cost, 1);
  speculation.propose(text, most, load);
  return text.size() - 1;
}

TEST(Speculation, ARightGuessOpensTheNextRow) {
  CountingDrafter drafter(8);
  Speculation speculation(3, drafter);
  ASSERT_EQ(proposed(speculation, cheap_rows()), 3u);
  EXPECT_TRUE(speculation.verify(1));
  EXPECT_TRUE(speculation.verify(2));
  EXPECT_TRUE(speculation.verify(3));
  EXPECT_FALSE(speculation.verify(4)) << "there is no row behind it";
  EXPECT_EQ(speculation.n_right(), 3);
}

TEST(Speculation, BehindAWrongGuessNothingCounts) {
  CountingDrafter drafter(8);
  Speculation speculation(3, drafter);
  ASSERT_EQ(proposed(speculation, cheap_rows()), 3u);
  EXPECT_TRUE(speculation.verify(1));
  EXPECT_FALSE(speculation.verify(7));
  EXPECT_EQ(speculation.n_proposed(), 3);
  EXPECT_EQ(speculation.n_right(), 1);
}

TEST(Speculation, KeepsToWhatIsWantedAndWhatFits) {
  CountingDrafter drafter(8);
  Speculation wanted(5, drafter), off(0, drafter);
  EXPECT_EQ(proposed(wanted, cheap_rows()), 5u);
  EXPECT_EQ(proposed(wanted, cheap_rows(), 2), 2u);
  EXPECT_EQ(proposed(wanted, cheap_rows(), 0), 0u);
  EXPECT_EQ(proposed(wanted, cheap_rows(), -3), 0u);
  EXPECT_EQ(proposed(off, cheap_rows()), 0u);
  CountingDrafter silent(0);
  Speculation without(5, silent);
  EXPECT_EQ(proposed(without, cheap_rows()), 0u);
}

TEST(Speculation, GivesUpWhenGuessesAreWrongAndComesBackWhenTheyWouldBeRight) {
  CountingDrafter drafter(8);
  Speculation speculation(-1, drafter);
  EXPECT_GT(proposed(speculation, cheap_rows()), 0u);
  for (int pass = 0; pass < 40; ++pass) {
    proposed(speculation, cheap_rows());
    speculation.verify(7);
  }
  EXPECT_EQ(proposed(speculation, cheap_rows()), 0u);
  for (int pass = 0; pass < 40; ++pass) {
    proposed(speculation, cheap_rows());
    speculation.verify(1);
  }
  EXPECT_GT(proposed(speculation, cheap_rows()), 0u);
}

TEST(Speculation, GuessesNothingBeforeItKnowsWhatAPassTakes) {
  CountingDrafter drafter(8);
  Speculation speculation(-1, drafter);
  EXPECT_EQ(proposed(speculation, PassCost()), 0u);
}

TEST(Speculation, GuessesLessWhereRowsAreDear) {
  PassCost dear;
  for (int round = 0; round < 200; ++round)
    for (int64_t n_rows : {1, 2, 16}) dear.add(n_rows, 0.010 * static_cast<double>(n_rows));
  CountingDrafter drafter(8);
  Speculation speculation(-1, drafter);
  EXPECT_EQ(proposed(speculation, dear), 0u);
}

TEST(Speculation, AGuessThatCostsTimeIsTriedAgainOnlyNowAndThen) {
  CountingDrafter drafter(8, 0.02);
  Speculation speculation(-1, drafter);
  for (int pass = 0; pass < 64; ++pass) {
    proposed(speculation, cheap_rows());
    speculation.verify(7);
  }
  EXPECT_EQ(drafter.n_asked, 2);
}

}  // namespace
}  // namespace tidemill
