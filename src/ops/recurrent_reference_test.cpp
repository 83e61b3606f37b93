// The oracle of recurrent operations against closed forms: sums over all earlier rows, without a recurrence.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "ops/reference.h"

namespace tidemill {
namespace {

Tensor view(std::vector<float>& values, const Shape& shape) {
  return {values.data(), DType::f32, shape};
}

// A sequence of `n_rows` from its beginning, with a slot of NaN.
struct OneRun {
  OneRun(int64_t n_rows, int64_t slot_size) : slot(static_cast<size_t>(slot_size), std::nanf("")) {
    run = {.n_rows = n_rows, .slot = view(slot, {slot_size})};
  }
  std::span<const StateRun> runs() const { return {&run, 1}; }
  SlotPart whole() const { return {0, run.slot.dim(0)}; }
  std::vector<float> slot;
  StateRun run;
};

TEST(RecurrentReferenceTest, PreviousRowsBeginWithZeros) {
  std::vector<float> x{1, 2, 3, 4, 5, 6}, out(6);
  const OneRun sequence(3, 2);
  ReferenceKernels().run(op::PreviousRows{view(x, {3, 2}), sequence.runs(), sequence.whole(), view(out, {3, 2})});
  EXPECT_EQ(out, (std::vector<float>{0, 0, 1, 2, 3, 4}));
  EXPECT_EQ(sequence.slot, (std::vector<float>{5, 6}));
}

TEST(RecurrentReferenceTest, ACausalConvolutionSeesTheRowsBefore) {
  std::vector<float> x{1, 10, 2, 20, 3, 30}, weight{100, 0, 10, 1, 1, 2}, bias{0.5f, 0}, out(6);
  const OneRun sequence(3, 4);
  ReferenceKernels().run(op::CausalConv{view(x, {3, 2}), view(weight, {3, 2}), view(bias, {2}), sequence.runs(),
                                        sequence.whole(), view(out, {3, 2})});
  EXPECT_EQ(out, (std::vector<float>{1.5f, 20, 12.5f, 50, 123.5f, 80}));
  EXPECT_EQ(sequence.slot, (std::vector<float>{2, 20, 3, 30}));
}

TEST(RecurrentReferenceTest, LerpGoesFromXToY) {
  std::vector<float> x{1, 2, 3, 4}, y{5, 6, 7, 8}, row{0, 0.5f}, all{1, 0.25f, 0, 2}, out_a(4), out_b(4);
  const Tensor shares[] = {view(row, {2}), view(all, {2, 2})};
  const Tensor outs[] = {view(out_a, {2, 2}), view(out_b, {2, 2})};
  ReferenceKernels().run(op::Lerp{view(x, {2, 2}), view(y, {2, 2}), shares, outs});
  EXPECT_EQ(out_a, (std::vector<float>{1, 4, 3, 6}));
  EXPECT_EQ(out_b, (std::vector<float>{5, 3, 3, 12}));
}

TEST(RecurrentReferenceTest, TheScanIsASumOfDecayedInputs) {
  const int64_t n_rows = 4;
  std::vector<float> x{1, -2, 3, 0.5f}, step{0.5f, 1, 0.25f, 2}, a{-1, -0.5f}, b{1, 2, -1, 1, 0.5f, 0, 1, 1},
      c{1, 1, 2, 0, 1, -1, 0.5f, 3}, skip{0.7f}, out(4);
  const OneRun sequence(n_rows, 2);
  ReferenceKernels().run(op::SelectiveScan{view(x, {4, 1}),
                                           view(step, {4, 1}),
                                           view(a, {2, 1}),
                                           view(b, {4, 2}),
                                           view(c, {4, 2}),
                                           view(skip, {1}),
                                           sequence.runs(),
                                           {.n_heads = 1, .head_dim = 1, .n_groups = 1, .state_size = 2},
                                           sequence.whole(),
                                           view(out, {4, 1})});
  for (int64_t t = 0; t < n_rows; ++t) {
    double expected = 0.7 * x[t];
    for (int64_t s = 0; s <= t; ++s) {
      const double passed = std::accumulate(step.begin() + s + 1, step.begin() + t + 1, 0.0);
      for (int64_t n = 0; n < 2; ++n) {
        expected += c[2 * t + n] * std::exp(a[n] * passed) * step[s] * x[s] * b[2 * s + n];
      }
    }
    EXPECT_NEAR(out[t], expected, 1e-6) << t;
  }
}

TEST(RecurrentReferenceTest, Wkv4IsAWeightedMeanOfTheValues) {
  std::vector<float> k{0.3f, -1, 2, 0.5f}, v{1, 2, -3, 4}, decay{-0.4f}, bonus{0.9f}, out(4);
  const OneRun sequence(4, 3);
  ReferenceKernels().run(op::Wkv4{view(k, {4, 1}), view(v, {4, 1}), view(decay, {1}), view(bonus, {1}), sequence.runs(),
                                  sequence.whole(), view(out, {4, 1})});
  for (int64_t t = 0; t < 4; ++t) {
    double above = std::exp(k[t] + 0.9) * v[t], below = std::exp(k[t] + 0.9);
    for (int64_t s = 0; s < t; ++s) {
      const double weight = std::exp(k[s] - 0.4 * static_cast<double>(t - 1 - s));
      above += weight * v[s];
      below += weight;
    }
    EXPECT_NEAR(out[t], above / below, 1e-6) << t;
  }
}

TEST(RecurrentReferenceTest, WkvIsLinearAttentionThatDecays) {
  // One head of two channels over three rows; decay by channel, bonus by head.
  std::vector<float> r{1, 2, -1, 0.5f, 3, 1}, k{1, 0, 2, -1, 0.5f, 1}, v{1, -1, 2, 3, 0, 1}, decay{0.5f, 0.25f},
      bonus{2}, out(6);
  const OneRun sequence(3, 4);
  ReferenceKernels().run(op::Wkv{view(r, {3, 2}), view(k, {3, 2}), view(v, {3, 2}), view(decay, {2}), view(bonus, {1}),
                                 sequence.runs(), 1, sequence.whole(), view(out, {3, 2})});
  for (int64_t t = 0; t < 3; ++t) {
    for (int64_t channel = 0; channel < 2; ++channel) {
      double expected = 0;
      for (int64_t s = 0; s <= t; ++s) {
        for (int64_t key = 0; key < 2; ++key) {
          const double weight = s == t ? 2.0 : std::pow(decay[key], t - 1 - s);
          expected += r[2 * t + key] * weight * k[2 * s + key] * v[2 * s + channel];
        }
      }
      EXPECT_NEAR(out[2 * t + channel], expected, 1e-6) << t;
    }
  }
}

TEST(RecurrentReferenceTest, TheDeltaRuleReplacesTheValueOfAKey) {
  // Keys of length one, whose old value is erased: what is read for a key is the last value written for it.
  std::vector<float> keys{1, 0, 0, 1, 1, 0, 0, 1}, values{1, 2, 3, 4, 5, 6, 7, 8}, ones(8, 1.0f), out(8);
  const OneRun sequence(4, 4);
  const Tensor k = view(keys, {4, 2});
  ReferenceKernels().run(op::DeltaRule{k, view(ones, {4, 2}), k, view(values, {4, 2}), k, k, sequence.runs(), 1,
                                       sequence.whole(), view(out, {4, 2})});
  EXPECT_EQ(out, values);
  EXPECT_EQ(sequence.slot, (std::vector<float>{5, 6, 7, 8}));
}

TEST(RecurrentReferenceTest, TheGatedDeltaRuleLearnsAShareOfWhatIsNew) {
  // Two heads of v share one of k, each with its own rate; the second forgets half of its state at each row.
  std::vector<float> keys{1, 0, 1, 0, 0, 1, 1, 0}, values{8, 2, 4, 6, 1, 3, 0, 0}, steps(8, 1.0f), out(8),
      rates{1, 0.5f, 1, 0.5f, 1, 0.5f, 0, 0}, a{0, -std::log(2.0f)};
  const OneRun sequence(4, 4);
  const Tensor k = view(keys, {4, 2});
  ReferenceKernels().run(op::GatedDeltaRule{k, k, view(values, {4, 2}), view(steps, {4, 2}), view(a, {2}),
                                            view(rates, {4, 2}), sequence.runs(), 1, sequence.whole(),
                                            view(out, {4, 2})});
  // The second head: 2 / 2; then 1 / 2 and half the way to 6; then for the other key; then what is left of 3.25.
  const std::vector<float> expected{8, 1, 4, 3.25f, 1, 1.5f, 4, 0.8125f};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(out[i], expected[i], 1e-6) << i;
}

TEST(RecurrentReferenceTest, HeadBonusWeighsEachHeadOnItsOwn) {
  std::vector<float> x{1, 1, 1, 1}, r{1, 2, 3, 4}, k{1, 1, 2, 0}, v{1, 2, 3, 4}, weight{1, 0.5f, 1, 1}, out(4);
  ReferenceKernels().run(op::HeadBonus{view(x, {1, 4}), view(r, {1, 4}), view(k, {1, 4}), view(v, {1, 4}),
                                       view(weight, {4}), 2, view(out, {1, 4})});
  EXPECT_EQ(out, (std::vector<float>{3, 5, 19, 25}));
}

TEST(RecurrentReferenceTest, NormsTakeGroups) {
  std::vector<float> x{3, 4, 6, 8}, weight{1, 1, 2, 1}, out(4);
  ReferenceKernels().run(op::L2Norm{view(x, {1, 4}), view(weight, {4}), 0, view(out, {1, 4}), 2});
  EXPECT_FLOAT_EQ(out[0], 0.6f);
  EXPECT_FLOAT_EQ(out[2], 12 / std::sqrt(144.0f + 64.0f));
  ReferenceKernels().run(op::RmsNorm{view(x, {1, 4}), view(weight, {4}), 0, view(out, {1, 4}), 2});
  EXPECT_FLOAT_EQ(out[1], 4 / std::sqrt(12.5f));
  EXPECT_FLOAT_EQ(out[2], 2 * 6 / std::sqrt(50.0f));
}

}  // namespace
}  // namespace tidemill
