// The profiler changes no result, tells weights apart by name and counts what an operation asks for at least.
#include "ops/profiler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "ops/reference.h"
#include "ops/work.h"

namespace tidemill {
namespace {

Tensor view(std::vector<float>& values, const Shape& shape) {
  return {values.data(), DType::f32, shape};
}

class ProfilerTest : public testing::Test {
 protected:
  ReferenceKernels inner;
  ProfiledKernels profiled{inner, Precision::fast};
  std::vector<float> x_{1, 2, 3, 4, 5, 6}, w_ = std::vector<float>(12, 0.5f), out_ = std::vector<float>(8);
  const Tensor x = view(x_, {2, 3}), w = view(w_, {4, 3}), out = view(out_, {2, 4});

  const op::Matmul product{{&x, 1}, {&w, 1}, {&out, 1}};
};

TEST_F(ProfilerTest, ComputesWhatIsInside) {
  profiled.run(product);
  EXPECT_EQ(out_, (std::vector<float>{3, 3, 3, 3, 7.5f, 7.5f, 7.5f, 7.5f}));
}

TEST_F(ProfilerTest, CountsCallsBytesAndOperationsOfAWeightByItsNameInEveryLayer) {
  std::vector<float> other(12);
  const Tensor second = view(other, {4, 3});
  profiled.remember(w, "blk.0.ffn_up.weight");
  profiled.remember(second, "blk.11.ffn_up.weight");
  profiled.run(product);
  profiled.run(op::Matmul{{&x, 1}, {&second, 1}, {&out, 1}});
  const Profile rows = profiled.take();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].operation, "matmul");
  EXPECT_EQ(rows[0].weights, "ffn_up");
  EXPECT_EQ(rows[0].dtypes, "f32");
  EXPECT_EQ(rows[0].n_calls, 2);
  EXPECT_GT(rows[0].seconds, 0);
  EXPECT_EQ(rows[0].bytes_read, 2 * 4 * (6 + 12));
  EXPECT_EQ(rows[0].bytes_written, 2 * 4 * 8);
  EXPECT_EQ(rows[0].f32_operations, 2 * 2 * (2 * 3 * 4));
  EXPECT_EQ(rows[0].int8_operations, 0);
}

TEST_F(ProfilerTest, WeightsOfOneProductAndNumbersOfExpertsJoin) {
  std::vector<float> other(12), second_out(8);
  const std::array weights{w, view(other, {4, 3})};
  const std::array outs{out, view(second_out, {2, 4})};
  profiled.remember(weights[0], "blk.2.attn_q.weight");
  profiled.remember(weights[1], "blk.2.ffn_gate.17.weight");
  profiled.run(op::Matmul{{&x, 1}, weights, outs});
  EXPECT_EQ(profiled.take().at(0).weights, "attn_q+ffn_gate");
}

TEST_F(ProfilerTest, TakingStartsAnewAndTheSlowestComesFirst) {
  profiled.run(op::Add{x, x, x});
  profiled.run(product);
  const Profile rows = profiled.take();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_GE(rows[0].seconds, rows[1].seconds);
  EXPECT_TRUE(profiled.take().empty());
  profiled.run(product);
  EXPECT_EQ(profiled.take().at(0).n_calls, 1);
}

TEST(ProfileRow, TheHigherRoofIsTheLimit) {
  const Roofs roofs{.read_bytes_s = 10, .int8_op_s = 100, .f32_op_s = 50};
  const ProfileRow bytes{.bytes_read = 15, .bytes_written = 5, .int8_operations = 100};
  EXPECT_DOUBLE_EQ(bytes.least_seconds(roofs), 2);
  const ProfileRow products{.bytes_read = 5, .int8_operations = 200, .f32_operations = 50};
  EXPECT_DOUBLE_EQ(products.least_seconds(roofs), 3);
}

TEST(Work, ProductsOfBlockFormatsAreTheirOwnKind) {
  const Tensor x(nullptr, DType::f32, {3, 64}), out(nullptr, DType::f32, {3, 16});
  std::vector<std::byte> blocks(16 * 2 * 34);
  const Tensor weight(blocks.data(), DType::q8_0, {16, 64});
  const Work work = work_of(op::Matmul{{&x, 1}, {&weight, 1}, {&out, 1}});
  EXPECT_EQ(work.block_operations, 2 * 3 * 16 * 64);
  EXPECT_EQ(work.float_operations, 0);
  EXPECT_EQ(work.bytes_read, std::ssize(blocks));  // x has no memory here
}

// Two heads of 4 over one of keys; a run of 3 rows behind 10 others.
TEST(Work, AttentionReadsTheKeysInItsWindow) {
  std::vector<float> caches(16 * 4);
  const StateRun run{
      .first_row = 0, .n_rows = 3, .first_pos = 10, .keys = view(caches, {16, 4}), .values = view(caches, {16, 4})};
  op::Attention whole{};
  whole.runs = {&run, 1};
  whole.options = {.n_heads = 2, .n_kv_heads = 1, .head_dim = 4};
  EXPECT_EQ(work_of(whole).bytes_read, 10 * 2 * 4 * 4);
  EXPECT_EQ(work_of(whole).bytes_written, 3 * 2 * 4 * 4);
  EXPECT_EQ(work_of(whole).float_operations, 4 * 2 * 4 * (11 + 12 + 13));
  op::Attention windowed = whole;
  windowed.options.window = 5;
  EXPECT_EQ(work_of(windowed).bytes_read, 4 * 2 * 4 * 4);
  EXPECT_EQ(work_of(windowed).float_operations, 4 * 2 * 4 * 15);
}

}  // namespace
}  // namespace tidemill
