// The oracle itself, against numbers worked out by hand or with mpmath.
#include "ops/reference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace tidemill {
namespace {

Tensor view(std::vector<float>& values, const Shape& shape) {
  return {values.data(), DType::f32, shape};
}

TEST(ReferenceTest, RmsNormDividesByTheRootOfTheMeanSquare) {
  std::vector<float> x{3, 4, 0, 0}, weight{1, 2}, out(4);
  ReferenceKernels().run(op::RmsNorm{view(x, {2, 2}), view(weight, {2}), 0.0f, view(out, {2, 2})});
  EXPECT_FLOAT_EQ(out[0], 3 / std::sqrt(12.5f));
  EXPECT_FLOAT_EQ(out[1], 8 / std::sqrt(12.5f));
  EXPECT_TRUE(std::isnan(out[2]));
  ReferenceKernels().run(op::RmsNorm{view(x, {2, 2}), view(weight, {2}), 1e-6f, view(out, {2, 2})});
  EXPECT_EQ(out[2], 0.0f);
}

TEST(ReferenceTest, GeluHasTheTanhForm) {
  std::vector<float> gate{1, -1, 3, -10, 0}, up{1, 1, 2, 5, 7}, out(5);
  ReferenceKernels().run(op::Gate{view(gate, {1, 5}), view(up, {1, 5}), Activation::gelu_tanh, view(out, {1, 5})});
  EXPECT_FLOAT_EQ(out[0], 0.841191990607477f);
  EXPECT_FLOAT_EQ(out[1], -0.158808009392523f);
  EXPECT_FLOAT_EQ(out[2], 2 * 2.99636269148103f);
  EXPECT_NEAR(out[3], 0, 1e-12);
  EXPECT_EQ(out[4], 0.0f);
}

TEST(ReferenceTest, LayerNormHasMeanZeroAndVarianceOne) {
  std::vector<float> x{1, 2, 3, 6}, weight{1, 1, 1, 2}, bias{0, 0, 0.5f, 0}, out(4);
  ReferenceKernels().run(op::LayerNorm{view(x, {1, 4}), view(weight, {4}), view(bias, {4}), 0.0f, view(out, {1, 4})});
  const float deviation = std::sqrt(3.5f);  // of a mean of 3
  EXPECT_FLOAT_EQ(out[0], -2 / deviation);
  EXPECT_FLOAT_EQ(out[2], 0.5f);
  EXPECT_FLOAT_EQ(out[3], 6 / deviation);
}

TEST(ReferenceTest, ActivationsAreTheirFunctions) {
  const auto of = [](Activation activation, float value) {
    std::vector<float> x{value}, out(1);
    ReferenceKernels().run(op::Activate{view(x, {1}), activation, view(out, {1})});
    return out[0];
  };
  EXPECT_FLOAT_EQ(of(Activation::gelu, 1), 0.841344746068543f);
  EXPECT_FLOAT_EQ(of(Activation::gelu, -2), -0.0455002638963584f);
  EXPECT_FLOAT_EQ(of(Activation::silu, 1), 0.731058578630005f);
  EXPECT_EQ(of(Activation::relu, -3), 0.0f);
  EXPECT_EQ(of(Activation::relu_squared, 3), 9.0f);
}

TEST(ReferenceTest, TheClampedGateOfGptOss) {
  std::vector<float> gate{1, 100, -1}, up{2, 100, -100}, out(3);
  ReferenceKernels().run(op::Gate{view(gate, {3}), view(up, {3}), Activation::clamped_swiglu, view(out, {3})});
  EXPECT_FLOAT_EQ(out[0], 3 / (1 + std::exp(-1.702f)));
  EXPECT_FLOAT_EQ(out[1], 8 * 7 / (1 + std::exp(-1.702f * 7)));
  EXPECT_FLOAT_EQ(out[2], -6 * -1 / (1 + std::exp(1.702f)));
}

TEST(ReferenceTest, ExpertsAreChosenByTheirLogits) {
  std::vector<float> logits{1, 3, 2, 3}, weights(2);
  std::vector<int32_t> ids(2);
  const Tensor chosen(ids.data(), DType::i32, {1, 2});
  ReferenceKernels().run(
      op::ChooseExperts{view(logits, {1, 4}), RouterWeights::softmax_of_chosen, chosen, view(weights, {1, 2})});
  EXPECT_EQ(ids, (std::vector<int32_t>{1, 3}));
  EXPECT_EQ(weights, (std::vector<float>{0.5f, 0.5f}));
  ReferenceKernels().run(
      op::ChooseExperts{view(logits, {1, 4}), RouterWeights::softmax_of_all, chosen, view(weights, {1, 2})});
  EXPECT_FLOAT_EQ(weights[0], 1 / (2 + std::exp(-1.0f) + std::exp(-2.0f)));
}

TEST(ReferenceTest, RopeTurnsPairsHalfAHeadApart) {
  const std::vector<int32_t> positions{2};
  std::vector<float> inv_freq{1.0f, 0.25f}, table(4), x{1, 2, 3, 4}, out(4);
  ReferenceKernels kernels;
  kernels.run(op::RopeTable{positions, view(inv_freq, {2}), 1.0f, view(table, {1, 4})});
  EXPECT_FLOAT_EQ(table[1], std::cos(0.5f));
  EXPECT_FLOAT_EQ(table[2], std::sin(2.0f));
  kernels.run(op::Rope{view(x, {1, 1, 4}), view(table, {1, 4}), RopePairs::halves, view(out, {1, 1, 4})});
  EXPECT_FLOAT_EQ(out[0], std::cos(2.0f) - 3 * std::sin(2.0f));
  EXPECT_FLOAT_EQ(out[2], 3 * std::cos(2.0f) + std::sin(2.0f));
  EXPECT_FLOAT_EQ(out[1], 2 * std::cos(0.5f) - 4 * std::sin(0.5f));
}

TEST(ReferenceTest, MatmulTakesStridedRows) {
  std::vector<float> x{1, 2}, weight{1, 10, -1, 100, 1000, -1}, out(2);
  const Tensor columns = view(weight, {2, 3}).slice(1, 0, 2);
  const Tensor target = view(out, {1, 2});
  const Tensor row = view(x, {1, 2});
  ReferenceKernels().run(op::Matmul{{&row, 1}, {&columns, 1}, {&target, 1}});
  EXPECT_EQ(out, (std::vector<float>{21, 2100}));
}

// Two query heads share one key/value head; the second position sees both keys, or with a window of 1 its own.
TEST(ReferenceTest, AttentionIsASoftmaxOverTheVisiblePositions) {
  std::vector<float> q{1, 0, 0, 2}, k{1, 3}, v{5, 7}, keys(4), values(4), out(4);
  const StateRun run{0, 2, 0, view(keys, {4, 1}), view(values, {4, 1})};
  AttentionOptions options{.n_heads = 2, .n_kv_heads = 1, .head_dim = 1, .scale = 0.5f};
  ReferenceKernels kernels;
  kernels.run(op::Attention{view(q, {2, 2}), view(k, {2, 1}), view(v, {2, 1}), {&run, 1}, options, view(out, {2, 2})});
  EXPECT_EQ(keys, (std::vector<float>{1, 3, 0, 0}));
  EXPECT_FLOAT_EQ(out[0], 5);
  EXPECT_FLOAT_EQ(out[2], 6);
  const float weight = 1 / (1 + std::exp(2.0f));  // scores 1 and 3
  EXPECT_FLOAT_EQ(out[3], 5 * weight + 7 * (1 - weight));
  options.window = 1;
  kernels.run(op::Attention{view(q, {2, 2}), view(k, {2, 1}), view(v, {2, 1}), {&run, 1}, options, view(out, {2, 2})});
  EXPECT_FLOAT_EQ(out[2], 7);
}

// One key with a score of 4, which a cap of 2 makes 2 tanh 2; a sink takes part in the softmax and gives nothing.
TEST(ReferenceTest, AttentionCapsScoresAndFeedsSinks) {
  std::vector<float> q{4}, k{1}, v{10}, keys(1), values(1), out(1), sinks{1};
  const StateRun run{0, 1, 0, view(keys, {1, 1}), view(values, {1, 1})};
  AttentionOptions options{.n_heads = 1, .n_kv_heads = 1, .head_dim = 1, .soft_cap = 2, .sinks = view(sinks, {1})};
  ReferenceKernels().run(
      op::Attention{view(q, {1, 1}), view(k, {1, 1}), view(v, {1, 1}), {&run, 1}, options, view(out, {1, 1})});
  EXPECT_FLOAT_EQ(out[0], 10 / (1 + std::exp(1 - 2 * std::tanh(2.0f))));
}

// Three positions without caches; scores are q k + the bias of the distance: 1 before, 0 at, -1 after the query.
TEST(ReferenceTest, AttentionSeesBothWaysWithABiasByDistance) {
  std::vector<float> q{0, 0, 2}, k{1, 2, 3}, v{1, 10, 100}, out(3), bias{1, 0, -1};
  const StateRun run{.first_row = 0, .n_rows = 3};
  AttentionOptions options{
      .n_heads = 1, .n_kv_heads = 1, .head_dim = 1, .both_ways = true, .distance_bias = view(bias, {3, 1})};
  const auto attend = [&] {
    ReferenceKernels().run(
        op::Attention{view(q, {3, 1}), view(k, {3, 1}), view(v, {3, 1}), {&run, 1}, options, view(out, {3, 1})});
  };
  const auto mean = [](std::vector<float> scores, std::vector<float> values) {
    float total = 0, sum = 0;
    for (size_t i = 0; i < scores.size(); ++i) total += std::exp(scores[i]), sum += std::exp(scores[i]) * values[i];
    return sum / total;
  };
  attend();
  EXPECT_FLOAT_EQ(out[0], mean({0, -1, -1}, {1, 10, 100}));
  EXPECT_FLOAT_EQ(out[1], mean({1, 0, -1}, {1, 10, 100}));
  EXPECT_FLOAT_EQ(out[2], mean({3, 5, 6}, {1, 10, 100}));
  options.window = 2;
  attend();
  EXPECT_FLOAT_EQ(out[0], mean({0, -1}, {1, 10}));
  EXPECT_FLOAT_EQ(out[1], mean({1, 0, -1}, {1, 10, 100}));
  EXPECT_FLOAT_EQ(out[2], mean({5, 6}, {10, 100}));
}

TEST(ReferenceTest, F16CacheRoundsToNearestEvenAndSaturates) {
  // 1 + 2^-11 lies between two halves: even is below; 1 + 3 * 2^-11 rounds up to even; 2^-25 is half the smallest.
  std::vector<float> k{1 + 0x1p-11f, 1 + 3 * 0x1p-11f, 0x1p-25f, 1.5f * 0x1p-24f, 65519, 1e6f, -1e9f, -0.0f}, q(8),
      out(8);
  std::vector<uint16_t> keys(8), values(8);
  const StateRun run{0, 1, 0, Tensor(keys.data(), DType::f16, {1, 8}), Tensor(values.data(), DType::f16, {1, 8})};
  ReferenceKernels().run(op::Attention{view(q, {1, 8}),
                                       view(k, {1, 8}),
                                       view(k, {1, 8}),
                                       {&run, 1},
                                       {.n_heads = 1, .n_kv_heads = 1, .head_dim = 8},
                                       view(out, {1, 8})});
  EXPECT_EQ(keys, (std::vector<uint16_t>{0x3c00, 0x3c02, 0, 2, 0x7bff, 0x7bff, 0xfbff, 0x8000}));
  EXPECT_EQ(out[5], 65504.0f);
}

}  // namespace
}  // namespace tidemill
