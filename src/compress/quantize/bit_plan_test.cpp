#include "compress/quantize/bit_plan.h"

#include <gtest/gtest.h>

#include <limits>

#include "sys/random.h"

namespace tidemill {
namespace {

double loss_of(const std::vector<std::vector<FormatChoice>>& matrices, const std::vector<size_t>& chosen) {
  double loss = 0;
  for (size_t i = 0; i < chosen.size(); ++i) loss += matrices[i][chosen[i]].loss;
  return loss;
}

int64_t bytes_of(const std::vector<std::vector<FormatChoice>>& matrices, const std::vector<size_t>& chosen) {
  int64_t bytes = 0;
  for (size_t i = 0; i < chosen.size(); ++i) bytes += matrices[i][chosen[i]].bytes;
  return bytes;
}

// The least loss within the budget, by trying everything.
double least_loss(const std::vector<std::vector<FormatChoice>>& matrices, int64_t budget) {
  double least = std::numeric_limits<double>::infinity();
  std::vector<size_t> chosen(matrices.size());
  for (;;) {
    if (bytes_of(matrices, chosen) <= budget) least = std::min(least, loss_of(matrices, chosen));
    size_t i = 0;
    while (i < chosen.size() && ++chosen[i] == matrices[i].size()) chosen[i++] = 0;
    if (i == chosen.size()) return least;
  }
}

TEST(BitPlan, ComesNearTheBestOfAllPlansAndKeepsTheBudget) {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::vector<FormatChoice>> matrices(6);
    int64_t least = 0, most = 0;
    for (auto& choices : matrices) {
      const auto n = static_cast<int64_t>(random.next() % 1000 + 100);
      const double sensitivity = random.uniform();
      for (int64_t bits = 2; bits <= 5; ++bits) choices.push_back({n * bits, sensitivity / double(1 << (2 * bits))});
      least += choices.front().bytes;
      most += choices.back().bytes;
    }
    const int64_t budget = least + static_cast<int64_t>(random.uniform() * static_cast<double>(most - least));
    const std::vector<size_t> chosen = plan_formats(matrices, budget);
    ASSERT_LE(bytes_of(matrices, chosen), budget);
    ASSERT_LE(loss_of(matrices, chosen), 1.5 * least_loss(matrices, budget) + 1e-12) << round;
  }
}

TEST(BitPlan, WhatCannotFitIsTheSmallest) {
  const std::vector<std::vector<FormatChoice>> matrices = {{{20, 0.1}, {10, 0.5}}, {{30, 0.2}}};
  EXPECT_EQ(plan_formats(matrices, 5), (std::vector<size_t>{1, 0}));
  EXPECT_EQ(plan_formats(matrices, 50), (std::vector<size_t>{0, 0}));
  EXPECT_EQ(plan_formats(matrices, 49), (std::vector<size_t>{1, 0}));
}

}  // namespace
}  // namespace tidemill
