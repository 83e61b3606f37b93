// Shapes are refused by name, results land in the arena, and the planner's peak is the real one.
#include "ops/ops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "ops/planner.h"
#include "ops/reference.h"

namespace tidemill {
namespace {

class OpsTest : public testing::Test {
 protected:
  // An f32 tensor of that shape, filled with small numbers, that lives as long as the test.
  Tensor tensor(const Shape& shape, DType dtype = DType::f32) {
    std::vector<float>& memory = memory_.emplace_back(static_cast<size_t>(shape.n_elements()) + 1);
    for (size_t i = 0; i < memory.size(); ++i) memory[i] = dtype == DType::f32 ? 0.1f * static_cast<float>(i % 13) : 0;
    return {memory.data(), dtype, shape};
  }
  StateRun run(int64_t first_row, int64_t n_rows, int64_t first_pos, const Shape& cache) {
    return {first_row, n_rows, first_pos, tensor(cache), tensor(cache)};
  }
  // Expects `work` to throw invalid_argument with a message that holds every one of `parts`.
  static void expect_refused(const std::function<void()>& work, const std::vector<std::string>& parts) {
    try {
      work();
      FAIL() << "not refused: " << parts[0];
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      for (const std::string& part : parts) {
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what() << " lacks " << part;
      }
    }
  }

  std::vector<std::vector<float>> memory_;
  ReferenceKernels kernels_;
  Arena arena_{1 << 20};
  Ops ops_{kernels_, arena_};
};

TEST_F(OpsTest, RefusesShapesThatDoNotFit) {
  const std::vector<int32_t> ids{0, 7}, positions{0, 1, 2};
  expect_refused([&] { ops_.embed(tensor({7, 4}), ids, 1.0f); }, {"embed", "7", "0 to 6"});
  expect_refused([&] { ops_.embed(tensor({8}), ids, 1.0f); }, {"embed", "[8]"});
  expect_refused([&] { ops_.gather_rows(tensor({2, 4}), positions); }, {"gather_rows", "row 2"});
  expect_refused([&] { ops_.rms_norm(tensor({2, 4}), tensor({5}), 1e-6f); }, {"rms_norm", "[2, 4]", "[5]"});
  expect_refused([&] { ops_.rms_norm(tensor({2, 4}), tensor({4}, DType::f16), 1e-6f); }, {"rms_norm", "f16 [4]"});
  expect_refused([&] { ops_.matmul(tensor({2, 4}), tensor({3, 5})); }, {"matmul", "[2, 4]", "[3, 5]"});
  expect_refused([&] { ops_.matmul(tensor({2, 4}), tensor({3, 4}), tensor({3, 5})); }, {"matmul", "[3, 5]"});
  expect_refused([&] { ops_.matmul(tensor({2, 4}).transpose(0, 1), tensor({3, 2})); }, {"matmul", "contiguous"});
  expect_refused([&] { ops_.add(tensor({2, 4}), tensor({4, 2})); }, {"add", "[2, 4]", "[4, 2]"});
  expect_refused([&] { ops_.add_to(tensor({2, 4}), tensor({2, 3})); }, {"add_to", "[2, 3]"});
  expect_refused([&] { ops_.gate(tensor({2, 4}), tensor({2, 3}), Activation::silu); }, {"gate", "[2, 3]"});
  expect_refused([&] { ops_.rope_table(positions, tensor({2, 2})); }, {"rope_table", "[2, 2]"});
  expect_refused([&] { ops_.rope(tensor({3, 6}), tensor({3, 3}), 3); }, {"rope", "head_dim 3"});
  expect_refused([&] { ops_.rope(tensor({3, 8}), tensor({2, 4}), 4); }, {"rope: table", "[2, 4]", "[3, 4]"});
}

TEST_F(OpsTest, RefusesAttentionThatDoesNotFit) {
  const Tensor q = tensor({3, 8}), kv = tensor({3, 4});
  const AttentionOptions options{.n_heads = 4, .n_kv_heads = 2, .head_dim = 2};
  const auto attend = [&](const std::vector<StateRun>& runs, const AttentionOptions& with) {
    return [&, runs, with] { ops_.attention(q, kv, kv, runs, with); };
  };
  expect_refused(attend({run(0, 3, 0, {8, 4})}, {.n_heads = 4, .n_kv_heads = 3, .head_dim = 2}), {"n_kv_heads 3"});
  expect_refused(attend({run(0, 3, 0, {8, 4})}, {.n_heads = 3, .n_kv_heads = 1, .head_dim = 2}), {"attention: q"});
  expect_refused(attend({run(0, 3, 0, {8, 5})}, options), {"attention", "[8, 5]"});
  expect_refused(attend({run(0, 3, 6, {8, 4})}, options), {"attention", "3 rows", "position 6", "[8, 4]"});
  expect_refused(attend({run(0, 3, -1, {8, 4})}, options), {"attention", "position -1"});
  expect_refused(attend({run(0, 2, 0, {8, 4})}, options), {"attention", "cover 2 rows"});
  expect_refused(attend({run(0, 2, 0, {8, 4}), run(1, 1, 0, {8, 4})}, options), {"attention", "cover 2 rows"});
  EXPECT_NO_THROW(attend({run(0, 2, 0, {8, 4}), run(2, 1, 7, {8, 4})}, options)());
}

TEST_F(OpsTest, RefusesAttentionOverParts) {
  const Tensor q = tensor({3, 8}), kv = tensor({3, 4});
  AttentionOptions options{.n_heads = 4, .n_kv_heads = 2, .head_dim = 2};
  const auto attend = [&](const std::vector<StateRun>& runs) {
    return [&, runs] { ops_.attention(q, kv, kv, runs, options); };
  };
  EXPECT_NO_THROW(attend({{.first_row = 0, .n_rows = 2}, {.first_row = 2, .n_rows = 1}})());
  expect_refused(attend({{.first_row = 0, .n_rows = 3, .first_pos = 1}}), {"attention", "position 1", "whole"});
  options.both_ways = true;
  EXPECT_NO_THROW(attend({run(0, 3, 0, {8, 4})})());
  expect_refused(attend({run(0, 3, 2, {8, 4})}), {"attention", "position 2", "whole"});
  options.distance_bias = tensor({5, 4});
  EXPECT_NO_THROW(attend({run(0, 3, 0, {8, 4})})());
  options.distance_bias = tensor({4, 4});
  expect_refused(attend({run(0, 3, 0, {8, 4})}), {"distance_bias", "[4, 4]", "[5, 4]"});
  options.distance_bias = tensor({5, 2});
  expect_refused(attend({run(0, 3, 0, {8, 4})}), {"distance_bias", "[5, 2]", "[5, 4]"});
}

TEST_F(OpsTest, LayerNormInPlaceTakesTheMemoryOfItsOperand) {
  const Tensor x = tensor({2, 3}), weight = tensor({3}), bias = tensor({3});
  const Tensor expected = ops_.layer_norm(x, weight, bias, 1e-6f);
  const int64_t used = arena_.used_bytes();
  const Tensor normed = ops_.layer_norm_in_place(x, weight, bias, 1e-6f);
  EXPECT_EQ(normed.data(), x.data());
  EXPECT_EQ(arena_.used_bytes(), used);
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(normed.as<float>()[i], expected.as<float>()[i]);
}

TEST_F(OpsTest, ProductsLeaveOutThoseWithoutAWeightAndTakeTheMemoryThatIsGiven) {
  const Tensor x = tensor({2, 3}), y = tensor({2, 4}), wx = tensor({5, 3}), wy = tensor({6, 4});
  const Tensor kept = ops_.like(tensor({2, 6}));
  const auto [a, none, b] = ops_.products({{x, wx}, {x, {}}, {y, wy, kept}});
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(b.data(), kept.data());
  const Tensor expected_a = ops_.matmul(x, wx), expected_b = ops_.matmul(y, wy);
  for (int64_t i = 0; i < 10; ++i) EXPECT_EQ(a.as<float>()[i], expected_a.as<float>()[i]);
  for (int64_t i = 0; i < 12; ++i) EXPECT_EQ(b.as<float>()[i], expected_b.as<float>()[i]);
  expect_refused([&] { ops_.products({{x, wx}, {x, wy}}); }, {"matmul: x", "[2, 3]", "[6, 4]"});
  expect_refused([&] { ops_.products({{x, wx, kept}}); }, {"matmul: into", "[2, 6]", "[2, 5]"});
}

TEST_F(OpsTest, RefusesRecurrentOperationsThatDoNotFit) {
  const Tensor x = tensor({3, 6}), row = tensor({6});
  const StateRun small{.n_rows = 3, .slot = tensor({40})}, late{.first_row = 1, .n_rows = 2, .slot = tensor({40})};
  const std::span<const StateRun> runs(&small, 1);
  expect_refused([&] { ops_.previous_rows(x, runs, 35); }, {"previous_rows", "6 numbers from 35", "[40]"});
  expect_refused([&] { ops_.previous_rows(x, {&late, 1}, 0); }, {"previous_rows", "cover 0 rows"});
  expect_refused([&] { ops_.causal_conv(x, tensor({4, 5}), {}, runs, 0); }, {"causal_conv", "[4, 5]", "[3, 6]"});
  expect_refused([&] { ops_.causal_conv(x, tensor({9, 6}), {}, runs, 0); }, {"48 numbers from 0", "[40]"});
  const Ops::ScanInputs inputs{x, tensor({3, 2}), tensor({2}), tensor({3, 4}), tensor({3, 4}), tensor({2})};
  const ScanOptions options{.n_heads = 2, .head_dim = 3, .n_groups = 1, .state_size = 4};
  EXPECT_NO_THROW(ops_.selective_scan(inputs, options, runs, 16));
  expect_refused([&] { ops_.selective_scan(inputs, {2, 3, 2, 4}, runs, 0); }, {"selective_scan: b", "[3, 8]"});
  expect_refused([&] { ops_.selective_scan(inputs, {3, 2, 2, 4}, runs, 0); }, {"n_groups 2", "divides"});
  expect_refused([&] { ops_.wkv4(x, x, row, tensor({5}), runs, 0); }, {"wkv4: bonus", "[5]"});
  expect_refused([&] { ops_.wkv({x, x, x, tensor({3}), row}, 2, runs, 0); }, {"wkv: decay", "[3]", "[6]"});
  expect_refused([&] { ops_.wkv({x, x, x, row, row}, 4, runs, 0); }, {"wkv: n_heads", "4", "divides"});
  expect_refused([&] { ops_.delta_rule({x, x, x, x, x, tensor({3, 5})}, 2, runs, 0); }, {"delta_rule", "[3, 5]"});
  expect_refused([&] { ops_.delta_rule({x, x, x, x, x, x}, 1, runs, 5); }, {"36 numbers from 5"});
  const Tensor heads = tensor({3, 2}), a = tensor({2});
  expect_refused([&] { ops_.gated_delta_rule({x, x, x, heads, tensor({4}), heads}, 2, runs, 0); },
                 {"gated_delta_rule: n_heads", "4"});
  expect_refused([&] { ops_.gated_delta_rule({x, x, x, heads, a, x}, 2, runs, 0); }, {"gated_delta_rule: rate"});
  expect_refused([&] { ops_.gated_delta_rule({x, x, x, heads, a, heads}, 3, runs, 0); }, {"n_key_heads is 3"});
  expect_refused([&] { ops_.gated_delta_rule({x, x, x, heads, a, heads}, 2, runs, 23); }, {"18 numbers from 23"});
  expect_refused([&] { ops_.head_bonus(x, {x, x, x, row}, 0); }, {"head_bonus: n_heads", "0"});
  expect_refused([&] { ops_.lerp(x, x, tensor({5})); }, {"lerp", "[5]"});
  expect_refused([&] { ops_.layer_norm(x, row, {}, 1e-5f, 4); }, {"layer_norm: n_groups", "4"});
}

TEST_F(OpsTest, AddToTakesTheMemoryOfItsFirstOperand) {
  const Tensor x = tensor({1, 3}), y = tensor({1, 3});
  const Tensor sum = ops_.add_to(x, y);
  EXPECT_EQ(sum.data(), x.data());
  EXPECT_FLOAT_EQ(sum.as<float>()[2], 0.4f);
  EXPECT_EQ(arena_.used_bytes(), 0);
}

TEST_F(OpsTest, GateInPlaceTakesTheMemoryOfItsFirstOperand) {
  const Tensor gate = tensor({2, 3}), up = tensor({2, 3});
  const Tensor expected = ops_.gate(gate, up, Activation::silu);
  const int64_t used = arena_.used_bytes();
  const Tensor gated = ops_.gate_in_place(gate, up, Activation::silu);
  EXPECT_EQ(gated.data(), gate.data());
  EXPECT_EQ(arena_.used_bytes(), used);
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(gated.as<float>()[i], expected.as<float>()[i]);
  expect_refused([&] { ops_.gate_in_place(tensor({2, 4}), tensor({2, 3}), Activation::silu); }, {"gate", "[2, 3]"});
}

TEST_F(OpsTest, SeveralProductsOfOneInputEqualSingleOnes) {
  const Tensor x = tensor({2, 4}), a = tensor({3, 4}), b = tensor({5, 4});
  const auto [xa, xb] = ops_.matmul(x, a, b);
  EXPECT_EQ(xa.shape(), Shape({2, 3}));
  EXPECT_EQ(xb.shape(), Shape({2, 5}));
  const Tensor again = ops_.matmul(x, b);
  for (int64_t i = 0; i < again.n_elements(); ++i) EXPECT_EQ(xb.as<float>()[i], again.as<float>()[i]);
}

TEST_F(OpsTest, ScoresOutOfReachMayBeLeftOut) {
  const Tensor x = tensor({1, 5}), weight = tensor({30, 5});
  const Tensor all = ops_.scores(x, weight, {});
  const std::vector<float> expected(all.as<float>(), all.as<float>() + 30);
  const ScoreReach reach{.below_best = 0.1f, .top_k = 4};
  const float least = least_in_reach(expected, reach);
  const Tensor some = ops_.scores(x, weight, reach);
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(some.as<float>()[i], expected[i] < least ? -HUGE_VALF : expected[i]) << i;
  // Of several rows all are there.
  const Tensor two = ops_.scores(tensor({2, 5}), weight, reach);
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(two.as<float>()[i], expected[i]);
  expect_refused([&] { ops_.scores(x, tensor({30, 4}), reach); }, {"matmul", "[1, 5]", "[30, 4]"});
}

TEST_F(OpsTest, TheLeastScoreInReachIsOfTheBestAndOfTheTop) {
  const std::vector<float> scores = {3, NAN, 1, 5, 5, -2};
  const float inf = HUGE_VALF;
  EXPECT_EQ(least_in_reach(scores, {}), -inf);
  EXPECT_EQ(least_in_reach(scores, {.below_best = 0}), 5);
  EXPECT_EQ(least_in_reach(scores, {.below_best = 4}), 1);
  EXPECT_EQ(least_in_reach(scores, {.top_k = 1}), 5);
  EXPECT_EQ(least_in_reach(scores, {.top_k = 3}), 3);
  EXPECT_EQ(least_in_reach(scores, {.top_k = 9}), -inf);
  EXPECT_EQ(least_in_reach(scores, {.below_best = 1, .top_k = 3}), 5 - 1);
  EXPECT_EQ(least_in_reach(std::vector<float>{NAN}, {.below_best = 1}), -inf);
}

TEST_F(OpsTest, ScopeGivesBackItsTensors) {
  const int64_t before = arena_.used_bytes();
  {
    const Ops::Scope scope(ops_);
    ops_.add(tensor({4, 4}), tensor({4, 4}));
    EXPECT_GT(arena_.used_bytes(), before);
  }
  EXPECT_EQ(arena_.used_bytes(), before);
}

// A transformer layer in small: everything a model does between embedding and logits.
void small_forward(Ops& ops, const Tensor& table, const Tensor& norm, const Tensor& inv_freq, const StateRun& run) {
  const std::vector<int32_t> ids{1, 2, 0}, last{2};
  std::vector<int32_t> positions(3);
  std::iota(positions.begin(), positions.end(), 0);
  Tensor x = ops.embed(table, ids, 2.0f);
  const Tensor angles = ops.rope_table(positions, inv_freq);
  for (int layer = 0; layer < 2; ++layer) {
    const Ops::Scope scope(ops);
    const Tensor h = ops.rms_norm(x, norm, 1e-6f);
    const auto [q, k, v] = ops.matmul(h, table, table, table);
    const AttentionOptions options{.n_heads = 2, .n_kv_heads = 2, .head_dim = 2};
    ops.add_to(x, ops.attention(ops.rope(q, angles, 2), ops.rope(k, angles, 2), v, {&run, 1}, options));
    ops.add_to(x, ops.gate(h, ops.add(h, x), Activation::gelu_tanh));
  }
  ops.matmul(ops.gather_rows(x, last), table);
}

TEST_F(OpsTest, PlannerMeasuresThePeakOfARealPass) {
  const Tensor table = tensor({4, 4}), norm = tensor({4}), inv_freq = tensor({1});
  const StateRun kv = run(0, 3, 0, {8, 4});
  PlanningKernels nothing;
  Arena plan = Arena::planner();
  Ops planning(nothing, plan);
  small_forward(planning, table, norm, inv_freq, kv);
  small_forward(ops_, table, norm, inv_freq, kv);
  EXPECT_EQ(plan.peak_bytes(), arena_.peak_bytes());

  Arena exact(plan.peak_bytes());
  Ops fits(kernels_, exact);
  EXPECT_NO_THROW(small_forward(fits, table, norm, inv_freq, kv));
  Arena tight(plan.peak_bytes() - 1);
  Ops too_small(kernels_, tight);
  EXPECT_THROW(small_forward(too_small, table, norm, inv_freq, kv), Error);
}

}  // namespace
}  // namespace tidemill
